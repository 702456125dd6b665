/*
 * vane-unwrap: takes the kernel out of a bzImage.
 *
 *	vane-unwrap < BZIMAGE > ELF
 *
 * Both are files. Pages that are only zero become holes, since much of a
 * kernel is: they need not be written here, nor copied into a domain. The
 * bytes may be a guest's choice: they are looked at in a process without rights.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/bootloader/sandbox.h"
#include "toolstack/unwrap/unwrap.h"

#define PAGE	4096u
#define SECONDS	600

static bool is_zero(const uint8_t *data, size_t len)
{
	static const uint8_t zero[PAGE];

	return !memcmp(data, zero, len);
}

static int put(const uint8_t *data, size_t len, off_t at)
{
	while (len) {
		ssize_t n = pwrite(STDOUT_FILENO, data, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

/* Writes what is not zero, in stretches as long as there are. */
static int take(void *arg, const uint8_t *data, size_t len)
{
	off_t *at = arg;
	size_t begun = 0, pos = 0;
	int rc = 0;

	while (!rc && pos < len) {
		size_t n = len - pos < PAGE ? len - pos : PAGE;

		if (is_zero(data + pos, n)) {
			rc = put(data + begun, pos - begun,
				 *at + (off_t)begun);
			begun = pos + n;
		}
		pos += n;
	}
	if (!rc)
		rc = put(data + begun, len - begun, *at + (off_t)begun);
	*at += (off_t)len;
	return rc;
}

static const uint8_t *map_input(size_t *len)
{
	struct stat st;
	void *map;

	if (fstat(STDIN_FILENO, &st))
		return NULL;
	*len = (size_t)st.st_size;
	map = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
	return map == MAP_FAILED ? NULL : map;
}

static int fail(const char *text)
{
	fprintf(stderr, "%s\n", text);
	return 1;
}

int main(void)
{
	struct image_error err = { "" };
	const uint8_t *file;
	size_t len, size;
	off_t at = 0;
	int rc;

	file = map_input(&len);
	if (!file)
		return fail(strerror(errno));
	rc = sandbox_enter(SECONDS);
	if (rc)
		return fail("cannot give up its rights");
	rc = image_unwrap(file, len, take, &at, &size, &err);
	if (!rc && ftruncate(STDOUT_FILENO, (off_t)size))
		rc = -errno;
	if (rc)
		return fail(rc == -ENOEXEC ? err.text : strerror(-rc));
	return 0;
}
