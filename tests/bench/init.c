/*
 * The first program of a Dom0 that is only there to be timed: reads the time
 * stamp counter, prints it, and powers the machine off.
 */
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>
#include <x86intrin.h>

int main(void)
{
	unsigned long long tsc = __rdtsc();

	printf("\n@@ tsc %016llx\n", tsc);
	fflush(stdout);
	sleep(1);	/* the console thread has its time to print */
	return reboot(RB_POWER_OFF);
}
