/*
 * The configuration reader: what it accepts, what it makes of it, and what
 * it says about mistakes. Grammar and keys: docs/xl-cfg.md.
 *
 * Tables: a new case is a new row. A case that must fail names a part of
 * each finding, in order, as "line:key:text".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "toolstack/libvane/cfg.h"
#include "toolstack/libvane/config.h"
#include "toolstack/libvane/text.h"

#define BASE "name='a'\nkernel='/k'\nmemory=64\n"

static int parse(const char *text, const char *const *extra,
		 struct vane_config *c, struct vane_report *r)
{
	memset(r, 0, sizeof(*r));
	memset(c, 0, sizeof(*c));
	return vane_config_parse(c, "f", text, strlen(text), extra, r);
}

static void parse_good(const char *text, struct vane_config *c)
{
	struct vane_report r;
	int rc = parse(text, NULL, c, &r);

	for (unsigned int i = 0; i < r.count; i++)
		print_message("%u: %s: %s\n", r.findings[i].line,
			      r.findings[i].key, r.findings[i].text);
	assert_int_equal(rc, 0);
	assert_int_equal(r.count, 0);
	vane_report_free(&r);
}

/* --- the grammar --------------------------------------------------------- */

static void test_grammar_whole(void **state)
{
	struct vane_config c;

	(void)state;
	parse_good("# a comment\n\n"
		   "name = \"w\\\"eb\" # behind a value\r\n"
		   "kernel='/boot/k';memory=0x40 ; vcpus = \"2\"\n"
		   "cmdline = 7; cmdline += 'a' ; cmdline += ' b'; cmdline += 5\n"
		   "maxmem = 6; maxmem += '4'\n"
		   "disk = [ '/a,raw,xvda,w', # first\n"
		   "  '/b,raw,xvdb,r',\n ]\n"
		   "disk += [ 'phy:/c,xvdc,w' ]\n", &c);
	assert_string_equal(c.name, "w\"eb");
	assert_string_equal(c.cmdline, "7a b5");
	assert_int_equal(c.memory_kib, 64 << 10);
	assert_int_equal(c.maxmem_kib, 64 << 10);
	assert_int_equal(c.vcpus, 2);
	assert_int_equal(c.maxvcpus, 2);
	assert_int_equal(c.nr_disks, 3);
	assert_string_equal(c.disks[2].target, "/c");
	assert_int_equal(c.disks[2].devid, 202 << 8 | 2 << 4);
	assert_true(c.disks[1].readonly);
	assert_false(c.disks[2].readonly);
	assert_int_equal(c.on_reboot, VANE_ACT_RESTART);
	assert_int_equal(c.on_poweroff, VANE_ACT_DESTROY);
	vane_config_free(&c);
	vane_config_free(&c);
}

static void test_last_value_wins(void **state)
{
	const char *const extra[] = { "memory=32", "name=\"c\"", NULL };
	struct vane_config c;
	struct vane_report r;

	(void)state;
	parse_good(BASE "memory=128\n", &c);
	assert_int_equal(c.memory_kib, 128 << 10);
	vane_config_free(&c);
	assert_int_equal(parse(BASE, extra, &c, &r), 0);
	assert_int_equal(c.memory_kib, 32 << 10);
	assert_string_equal(c.name, "c");
	vane_config_free(&c);
	vane_report_free(&r);
}

static const struct {
	const char *text;		/* behind BASE: line 4 on */
	const char *findings[6];
} bad[] = {
	/* the grammar */
	{ "x", { "4::= or +=" } },
	{ "vcpus=", { "4:vcpus:the text ends" } },
	{ "vcpus=\n", { "4:vcpus:the line ends" } },
	{ "vcpus=two", { "4:vcpus:texts need quotes" } },
	{ "Vcpus=2", { "4::name of a setting" } },
	{ "vcpus=2 3", { "4::end of the line" } },
	{ "cmdline='a", { "4:cmdline:closing '" } },
	{ "cmdline='a\\q'", { "4:cmdline:after a backslash" } },
	{ "disk=['a' 'b']\nvcpus=0",
	  { "4:disk:a comma or ]", "5:vcpus:1 to" } },
	{ "disk=[\n'/a,,xvda,w',\n(\n'b' ]\nvcpus=0",
	  { "6:disk:Python", "8:vcpus:1 to" } },
	{ "disk=['/a,,xvda,w',\nvcpus=0",
	  { "5:disk:texts need quotes" } },
	{ "disk=[ '/a,,xvda,w'", { "4:disk:a comma or ]" } },
	{ "disk=[[[[[[[[[[[[[[[[[[", { "4:disk:so many lists" } },
	{ "vcpus+=2\nvcpus+=3", { "5:vcpus:+= needs" } },
	{ "disk='a'\ndisk+=['b']", { "5:disk:+= needs", "4:disk:a list" } },
	{ "\001", { "4::byte 0x01" } },
	/* values */
	{ "on_soft_reset='restrat'",
	  { "4:on_soft_reset:\"restrat\"; allowed: \"destroy\", \"restart\"," } },
	{ "passthrough=1", { "4:passthrough:\"sync_pt\", \"share_pt\"" } },
	{ "vcpus=0", { "4:vcpus:\"0\"; allowed: a number from 1 to 512" } },
	{ "vcpus=513", { "4:vcpus:1 to 512" } },
	{ "vcpus='many'", { "4:vcpus:\"many\"" } },
	{ "vcpus=[1]", { "4:vcpus:found a list" } },
	{ "memory='1g'", { "4:memory:MiB" } },
	{ "memory=99999999999999999999", { "4:memory:MiB" } },
	{ "memory=0", { "4:memory:MiB" } },
	{ "maxmem=32", { "4:maxmem:at least as much as memory" } },
	{ "vcpus=4\nmaxvcpus=2", { "5:maxvcpus:at least as many" } },
	{ "cap=500", { "4:cap:100 for each" } },
	{ "name='12'", { "4:name:not digits alone" } },
	{ "name='a b'", { "4:name:no blank" } },
	{ "name='../x'", { "4:name:no slash" } },
	{ "uuid='1234'", { "4:uuid:a UUID" } },
	{ "type='hvm'", { "4:type:\"pv\"" } },
	{ "on_crash='explode'", { "4:on_crash:\"destroy\"" } },
	{ "tsc_mode='x'", { "4:tsc_mode:\"native\"" } },
	{ "nomigrate='x'", { "4:nomigrate:0 or 1" } },
	{ "cpus='0-'", { "4:cpus:CPUs as" } },
	{ "cpus=['0','2000']", { "4:cpus:numbers below" } },
	{ "bootloader='pygrub'", { "4:bootloader:beside a disk" } },
	{ "bootloader='grub'\ndisk=['/a,raw,xvda,w']",
	  { "4:bootloader:absolute path" } },
	{ "on_crash='soft-reset'", { "4:on_crash:type \"pv\"" } },
	{ "pci=['00:1f.0']", { "4:pci:not supported" } },
	{ "kernel=''", { "4:kernel:path" } },
	/* disks */
	{ "disk='x'", { "4:disk:a list" } },
	{ "disk=[5]", { "4:disk:found a number" } },
	{ "disk=['/a,raw']", { "4:disk:no vdev" } },
	{ "disk=['a,raw,xvda,w']", { "4:disk:absolute path" } },
	{ "disk=['/a,qcow2,xvda,w,backendtype=phy']",
	  { "4:disk:backendtype=vane" } },
	{ "disk=['/a,zip,xvda,w']", { "4:disk:qcow2" } },
	{ "disk=['vdev=xvda,backendtype=phy,target=nbd://h/x']",
	  { "4:disk:backendtype=vane" } },
	{ "disk=['vdev=xvda,rate=10,target=/a']", { "4:disk:10MB/s@50MB" } },
	{ "disk=['vdev=xvda,rate=1MB/s@,target=/a']", { "4:disk:10MB/s" } },
	{ "disk=['vdev=xvda,rate=1MB/s@1Mb,target=/a']", { "4:disk:10MB/s" } },
	{ "disk=['vdev=xvda,rate=99999999GB/s,target=/a']",
	  { "4:disk:10MB/s" } },
	{ "disk=['vdev=xvda,iops=many,target=/a']", { "4:disk:500@2000" } },
	{ "disk=['vdev=xvda,iops=5@,target=/a']", { "4:disk:500@2000" } },
	{ "disk=['/a,tar,xvda,w']", { "4:disk:raw, empty" } },
	{ "disk=['/a,raw,zda,w']", { "4:disk:vdev \"zda\"" } },
	{ "disk=['/a,raw,xvda,x']", { "4:disk:access \"x\"" } },
	{ "disk=['/a,raw,xvda,w,more']", { "4:disk:one value too many" } },
	{ "disk=['/a,raw,xvda,w,acces=r']",
	  { "4:disk:did you mean \"access\"?" } },
	{ "disk=['/a,raw,xvda,w,vdev=xvdb']", { "4:disk:a second value" } },
	{ "disk=['/a,raw,xvda,w,backendtype=nbd']", { "4:disk:phy or linux" } },
	{ "disk=['/a,raw,xvda,w','/b,raw,xvda,w']",
	  { "4:disk:taken already" } },
	{ "disk=[',raw,xvda,w']", { "4:disk:only a cdrom" } },
	{ "disk=['script=block-drbd,backendtype=vane,/a,raw,xvda,w']",
	  { "4:disk:the kernel's back end" } },
	/* network */
	{ "vif=['mac=01:16:3e:00:00:01']", { "4:vif:not multicast" } },
	{ "vif=['mac=00:16:3e:00:00']", { "4:vif:six bytes" } },
	{ "vif=['brigde=x']", { "4:vif:did you mean \"bridge\"?" } },
	{ "vif=['bridge=a/b']", { "4:vif:name of a bridge" } },
	{ "vif=['rate=fast']", { "4:vif:as 10Mb/s" } },
	{ "cpus='^1'", { "4:cpus:all but one" } },
	{ "cpus_soft=['1','2,^2']", { "4:cpus_soft:one at least" } },
	{ "vif=['antispoof=maybe']", { "4:vif:yes or no" } },
	{ "vif=['mtu=10']", { "4:vif:68 to" } },
	{ "vif=['devid=3','devid=3']", { "4:vif:number 3 is taken" } },
	{ "vif=['']\nvif+=['devid=0']", { "5:vif:number 0 is taken" } },
	{ "vif=['vifname=much-too-long-name']", { "4:vif:interface name" } },
	{ "vif=['type=ioemu']", { "4:vif:allowed: vif" } },
	/* all at once */
	{ "vcpus=0\ndisk=['/a']\nmemory='x'\non_crash=3",
	  { "4:vcpus:", "5:disk:no vdev", "6:memory:", "7:on_crash:" } },
};

/* "line:key:text" against a finding; an empty key means syntax. */
static bool matches(const struct vane_finding *f, const char *want)
{
	unsigned int line = strtoul(want, NULL, 10);
	const char *key = strchr(want, ':') + 1, *text = strchr(key, ':') + 1;
	size_t n = text - key - 1;

	return f->line == line && !strcmp(f->file, "f") &&
		(n ? f->key && strlen(f->key) == n && !memcmp(f->key, key, n) :
		 !f->key) && strstr(f->text, text);
}

/* Findings come in the order of their keys' first mention, not of lines. */
static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vane_config c;
		struct vane_report r;
		char text[512];
		unsigned int wanted = 0;

		snprintf(text, sizeof(text), BASE "%s", bad[i].text);
		assert_int_equal(parse(text, NULL, &c, &r), -22);
		for (; wanted < 6 && bad[i].findings[wanted]; wanted++) {
			bool found = false;

			for (unsigned int j = 0; j < r.count; j++)
				found |= matches(&r.findings[j],
						 bad[i].findings[wanted]);
			if (!found) {
				for (unsigned int j = 0; j < r.count; j++)
					print_error("got %u:%s:%s\n",
						    r.findings[j].line,
						    r.findings[j].key,
						    r.findings[j].text);
				fail_msg("%s: no finding %s", bad[i].text,
					 bad[i].findings[wanted]);
			}
		}
		if (r.count != wanted) {
			for (unsigned int j = 0; j < r.count; j++)
				print_error("got %u:%s:%s\n",
					    r.findings[j].line,
					    r.findings[j].key,
					    r.findings[j].text);
			fail_msg("%s: %u findings", bad[i].text, r.count);
		}
		vane_report_free(&r);
		vane_report_free(&r);
	}
}

static void test_missing(void **state)
{
	struct vane_config c;
	struct vane_report r;

	(void)state;
	assert_int_equal(parse("", NULL, &c, &r), -22);
	assert_int_equal(r.errors, 3);
	assert_string_equal(r.findings[0].key, "name");
	assert_string_equal(r.findings[1].key, "kernel");
	assert_string_equal(r.findings[2].key, "memory");
	vane_report_free(&r);
	/* What is there, but broken, is not missing as well. */
	assert_int_equal(parse("name='a\nmemory=lots\nkernel=[\n", NULL, &c,
			       &r), -22);
	assert_int_equal(r.errors, 3);
	vane_report_free(&r);
}

static const struct {
	const char *line, *text;
} warned[] = {
	{ "memroy=3", "did you mean \"memory\"?" },
	{ "kernal='x'", "did you mean \"kernel\"?" },
	{ "on_rebot='x'", "did you mean \"on_reboot\"?" },
	{ "zzzzzz=1", "is no known setting" },
	{ "vfi=[]", "did you mean \"vif\"?" },
	{ "vnc=1", "has no effect" },
	{ "cmdline='x'\nroot='/dev/xvda'", "beside cmdline" },
};

static void test_warnings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(warned) / sizeof(warned[0]); i++) {
		struct vane_config c;
		struct vane_report r;
		char text[128];

		snprintf(text, sizeof(text), BASE "%s", warned[i].line);
		assert_int_equal(parse(text, NULL, &c, &r), 0);
		assert_int_equal(r.count, 1);
		assert_int_equal(r.findings[0].level, VANE_WARNING);
		assert_non_null(strstr(r.findings[0].text, warned[i].text));
		if (i == 3)
			assert_null(strstr(r.findings[0].text, "mean"));
		vane_report_free(&r);
		vane_config_free(&c);
	}
}

/* --- what specifications become ------------------------------------------ */

static const struct {
	const char *text, *target, *vdev;
	bool readonly, cdrom;
	enum vane_backend backend;
} disks[] = {
	{ "/a,raw,xvda,w", "/a", "xvda", false, false, 0 },
	{ "/a,,xvda", "/a", "xvda", false, false, 0 },
	{ "/a, raw, xvda, ro", "/a", "xvda", true, false, 0 },
	{ "format=raw,vdev=xvdb,access=r,target=/a,b c", "/a,b c", "xvdb",
	  true, false, 0 },
	{ "vdev=xvda,/a=b,raw", "/a=b", "xvda", false, false, 0 },
	{ "/a,raw,xvda,w,backendtype=phy", "/a", "xvda", false, false,
	  VANE_BACKEND_KERNEL },
	{ "/a,raw,xvda,w,backendtype=vane", "/a", "xvda", false, false,
	  VANE_BACKEND_OURS },
	{ "phy:/dev/x,xvda,w", "/dev/x", "xvda", false, false, 0 },
	{ "file:/x,xvda,r", "/x", "xvda", true, false, 0 },
	{ "tap:aio:/x,xvda2,w", "/x", "xvda2", false, false, 0 },
	{ "/a,raw,hdc:cdrom,r", "/a", "hdc", true, true, 0 },
	{ "/a,raw,hdc:cdrom,w", "/a", "hdc", true, true, 0 },
	{ "file:/a,ioemu:hda,w", "/a", "hda", false, false, 0 },
	{ "file:/a,ioemu:hdc:cdrom,r", "/a", "hdc", true, true, 0 },
	{ ",,hdc,cdrom", NULL, "hdc", true, true, 0 },
	{ "cdrom,/i,raw,hdc", "/i", "hdc", true, true, 0 },
	{ "devtype=cdrom,/i,raw,hdc", "/i", "hdc", true, true, 0 },
	{ "vdev=xvda,target=nbd://h:10809/x", "nbd://h:10809/x", "xvda", false,
	  false, 0 },
	{ "nbd+unix:///x?socket=/s,,xvda", "nbd+unix:///x?socket=/s", "xvda",
	  false, false, 0 },
	{ "/a,qcow2,xvda", "/a", "xvda", false, false, 0 },
	{ "/a,vmdk,xvda,backendtype=vane", "/a", "xvda", false, false,
	  VANE_BACKEND_OURS },
};

static const struct {
	const char *text;
	uint64_t rate, rate_burst, iops, iops_burst;
} limits[] = {
	{ "vdev=xvda,target=/a", 0, 0, 0, 0 },
	{ "vdev=xvda,rate=10MB/s,target=/a", 10000000, 0, 0, 0 },
	{ "vdev=xvda,rate=512B/s@1GB,target=/a", 512, 1000000000, 0, 0 },
	{ "vdev=xvda,rate=3KB/s@0B,iops=500,target=/a", 3000, 0, 500, 0 },
	{ "vdev=xvda,iops=500@2000,target=/a", 0, 0, 500, 2000 },
};

static void test_disk_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct vane_report r = { 0 };
		struct spec spec = { .report = &r, .key = "disk" };
		struct vane_disk d;

		assert_int_equal(disk_parse(&spec, limits[i].text, &d), 0);
		assert_int_equal(d.rate, limits[i].rate);
		assert_int_equal(d.rate_burst, limits[i].rate_burst);
		assert_int_equal(d.iops, limits[i].iops);
		assert_int_equal(d.iops_burst, limits[i].iops_burst);
		vane_disk_free(&d);
		vane_report_free(&r);
	}
}

static void test_disks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(disks) / sizeof(disks[0]); i++) {
		struct vane_report r = { 0 };
		struct spec spec = { .report = &r, .key = "disk" };
		struct vane_disk d;
		int rc = disk_parse(&spec, disks[i].text, &d);

		if (rc)
			print_error("%s: %s\n", disks[i].text,
				    r.findings[0].text);
		assert_int_equal(rc, 0);
		if (disks[i].target)
			assert_string_equal(d.target, disks[i].target);
		else
			assert_null(d.target);
		assert_string_equal(d.vdev, disks[i].vdev);
		assert_int_equal(d.readonly, disks[i].readonly);
		assert_int_equal(d.cdrom, disks[i].cdrom);
		assert_int_equal(d.backend, disks[i].backend);
		assert_true(!d.trusted && !d.discard);
		vane_disk_free(&d);
		vane_report_free(&r);
	}
}

static void test_nic(void **state)
{
	static const uint8_t mac[6] = { 0, 0x16, 0x3e, 1, 2, 0xff };
	struct vane_config c;

	(void)state;
	parse_good(BASE "vif=['mac=00:16:3E:01:02:ff, bridge = br0 ,"
		   "rate=10Mb/s,vifname=v0,mtu=1400,script=vif-bridge,"
		   "backendtype=linux','','rate=1MB/s@20ms,devid=7,antispoof=yes']\n",
		   &c);
	assert_int_equal(c.nr_nics, 3);
	assert_memory_equal(c.nics[0].mac, mac, 6);
	assert_string_equal(c.nics[0].bridge, "br0");
	assert_string_equal(c.nics[0].vifname, "v0");
	assert_int_equal(c.nics[0].mtu, 1400);
	/* 10 Mb/s are 1.25 MB/s, of which 50 ms are 62,500 bytes. */
	assert_int_equal(c.nics[0].rate_bytes, 62500);
	assert_int_equal(c.nics[0].rate_usec, 50000);
	assert_int_equal(c.nics[0].backend, VANE_BACKEND_KERNEL);
	assert_int_equal(c.nics[1].devid, 1);
	assert_null(c.nics[1].bridge);
	assert_int_equal(c.nics[2].devid, 7);
	assert_int_equal(c.nics[2].rate_bytes, 20000);
	assert_int_equal(c.nics[2].rate_usec, 20000);
	assert_false(c.nics[0].antispoof);
	assert_true(c.nics[2].antispoof);
	vane_config_free(&c);
}

static void test_rest(void **state)
{
	static const uint8_t uuid[16] = {
		0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
		0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
	};
	struct vane_config c;

	(void)state;
	parse_good(BASE "uuid='01234567-89ab-cdef-0123-456789abcdef'\n"
		   "root='/dev/xvda1 ro'\nextra='quiet'\nramdisk='/r'\n"
		   "cpus=['0','1-3']\ncpus_soft='all'\nmaxvcpus=8\nvcpus=2\n"
		   "cpu_weight=512\ncap=50\ntsc_mode='native'\n"
		   "max_grant_frames=64\non_crash='preserve'\n"
		   "on_reboot='destroy'\nmaxmem=128\ntype='pv'\npci=[]\n", &c);
	assert_memory_equal(c.uuid, uuid, 16);
	assert_string_equal(c.cmdline, "root=/dev/xvda1 ro quiet");
	assert_string_equal(c.ramdisk, "/r");
	assert_int_equal(c.nr_cpus, 2);
	assert_true(c.cpus_per_vcpu);
	assert_int_equal(c.nr_cpus_soft, 1);
	assert_false(c.cpus_soft_per_vcpu);
	assert_int_equal(c.maxvcpus, 8);
	assert_int_equal(c.weight, 512);
	assert_int_equal(c.cap, 50);
	assert_int_equal(c.tsc_mode, 2);
	assert_int_equal(c.max_grant_frames, 64);
	assert_int_equal(c.max_maptrack_frames, -1);
	assert_int_equal(c.on_crash, VANE_ACT_PRESERVE);
	assert_int_equal(c.on_reboot, VANE_ACT_DESTROY);
	assert_int_equal(c.maxmem_kib, 128 << 10);
	vane_config_free(&c);
}

/* --- small conversions --------------------------------------------------- */

static const struct {
	const char *text;
	int rc;
	unsigned int number;
} vdevs[] = {
	{ "xvda", 0, 51712 }, { "xvda1", 0, 51713 }, { "xvdb", 0, 51728 },
	{ "xvdp15", 0, 51967 }, { "xvdq", 0, 1 << 28 | 16 << 8 },
	{ "xvdaa1", 0, 1 << 28 | 26 << 8 | 1 }, { "d0p2", 0, 51714 },
	{ "d5", 0, 202 << 8 | 5 << 4 }, { "hda", 0, 768 },
	{ "hdc", 0, 5632 }, { "hdd1", 0, 5632 | 64 | 1 }, { "sda", 0, 2048 },
	{ "sdb3", 0, 2048 | 16 | 3 }, { "51712", 0, 51712 },
	{ "0xca00", 0, 51712 }, { "xvd", -22, 0 }, { "xvda256", -22, 0 },
	{ "hde", -22, 0 }, { "sdq", -22, 0 }, { "sda16", -22, 0 },
	{ "vda", -22, 0 }, { "", -22, 0 }, { "d", -22, 0 },
	{ "xvda1x", -22, 0 }, { "-1", -22, 0 }, { "9999999999", -22, 0 },
};

static void test_vdevs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vdevs) / sizeof(vdevs[0]); i++) {
		unsigned int n = 0;
		int rc = vdev_parse(vdevs[i].text, &n);

		if (rc != vdevs[i].rc || n != vdevs[i].number)
			fail_msg("%s: %d, %u", vdevs[i].text, rc, n);
	}
}

static const struct {
	const char *text;
	int rc;
	uint8_t map;
} cpulists[] = {
	{ "0", 0, 0x01 }, { "0,2-3", 0, 0x0d }, { "all", 0, 0xff },
	{ "all,^1", 0, 0xfd }, { "0-3,^2", 0, 0x0b }, { "^0", 0, 0 },
	{ " 1 , 2 ", 0, 0x06 }, { "8", -34, 0 }, { "3-1", -22, 0 },
	{ "", -22, 0 }, { "1,", -22, 0 }, { "x", -22, 0 }, { "1-", -22, 0 },
	{ "1 2", -22, 0 }, { "node:1", 0, 0x30 }, { "nodes:1-2", 0, 0xf0 },
	{ "0,node:2,^7", 0, 0x41 }, { "all,^node:0", 0, 0xf0 },
	{ "all,node:^0", 0, 0xf0 }, { "node:", -22, 0 }, { "node:9", 0, 0 },
};

static void test_cpulists(void **state)
{
	static const uint32_t nodes[8] = { 0, 0, 0, 0, 1, 1, 2, 2 };

	(void)state;
	for (size_t i = 0; i < sizeof(cpulists) / sizeof(cpulists[0]); i++) {
		uint8_t map = 0;
		int rc = cpulist_parse(cpulists[i].text, &map, 8, nodes);

		if (rc != cpulists[i].rc || (!rc && map != cpulists[i].map))
			fail_msg("%s: %d, %#x", cpulists[i].text, rc, map);
	}
}

static void test_uuid_mac(void **state)
{
	uint8_t uuid[16], again[16], mac[6];
	char text[UUID_TEXT];

	(void)state;
	uuid_make(uuid);
	uuid_format(uuid, text);
	assert_int_equal(uuid_parse(text, again), 0);
	assert_memory_equal(uuid, again, 16);
	assert_int_equal(text[14], '4');
	assert_int_equal(uuid_parse("", again), -22);
	assert_int_equal(uuid_parse("01234567-89ab-cdef-0123-456789abcdef0",
				    again), -22);
	mac_make(mac);
	assert_int_equal(mac[0] << 16 | mac[1] << 8 | mac[2], 0x00163e);
	assert_int_equal(mac_parse("00:16:3e:1:2:3:4", mac), -22);
	assert_int_equal(mac_parse("0:16:3e:1:2:3", mac), 0);
	assert_int_equal(mac[5], 3);
}

/* With a boot loader the kernel may be missing, and is not Dom0's file. */
static void test_bootloader(void **state)
{
	static const char base[] = "name='a'\nmemory=64\n"
		"disk=['/d,raw,xvda,w','script=x,vg0/y,raw,xvdb,w']\n";
	struct vane_config c;
	struct vane_report r;
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), "%sbootloader='pygrub'\n"
		 "bootloader_args='--entry 1'\n", base);
	assert_int_equal(parse(text, NULL, &c, &r), 0);
	assert_string_equal(c.bootloader, "pygrub");
	assert_int_equal(c.nr_bootloader_args, 2);
	assert_string_equal(c.bootloader_args[1], "1");
	assert_null(c.kernel);
	assert_string_equal(c.disks[1].script, "x");
	assert_string_equal(c.disks[1].target, "vg0/y");
	vane_config_free(&c);
	vane_report_free(&r);
	snprintf(text, sizeof(text), "%sbootloader='/usr/bin/pygrub'\n"
		 "bootloader_args=['-q']\n", base);
	assert_int_equal(parse(text, NULL, &c, &r), 0);
	assert_string_equal(c.bootloader_args[0], "-q");
	vane_config_free(&c);
	vane_report_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar_whole),
		cmocka_unit_test(test_last_value_wins),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_bootloader),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_disk_limits),
		cmocka_unit_test(test_nic),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_vdevs),
		cmocka_unit_test(test_cpulists),
		cmocka_unit_test(test_uuid_mac),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
