/*
 * vane-unwrap: takes the kernel out of a bzImage.
 *
 *	vane-unwrap < BZIMAGE > ELF
 *	vane-unwrap head < BZIMAGE > ELF
 *	vane-unwrap into DOMID SIZE < BZIMAGE 1< FRAMES 3<> PRIVCMD
 *
 * The first makes a file. Pages that are only zero become holes, since much of a
 * kernel is: they need not be written here, nor copied into a domain. `head`
 * makes a file of the same length with the first HEAD bytes, or an empty one if
 * `into` would not take that kernel. `into` unpacks SIZE bytes to frames of a
 * domain; each page's frame is a number in FRAMES, of 8 bytes.
 *
 * The bytes may be a guest's choice: they are looked at in a process without
 * rights, which has no more of the domain than those frames.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/bootloader/sandbox.h"
#include "toolstack/sys/privcmd.h"
#include "toolstack/unwrap/helper.h"
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

static int confine(void)
{
	return sandbox_enter(SECONDS) ? fail("cannot give up its rights") : 0;
}

static int result(int rc, const struct image_error *err)
{
	return rc ? fail(rc == -ENOEXEC ? err->text : strerror(-rc)) : 0;
}

static int unwrap(const uint8_t *file, size_t len)
{
	struct image_error err = { "" };
	size_t size;
	off_t at = 0;
	int rc;

	if (confine())
		return 1;
	rc = image_unwrap(file, len, take, &at, &size, &err);
	if (!rc && ftruncate(STDOUT_FILENO, (off_t)size))
		rc = -errno;
	return result(rc, &err);
}

static int head(const uint8_t *file, size_t len)
{
	static uint8_t bytes[UNWRAP_HEAD];
	struct image_error err = { "" };
	size_t size;
	int rc;

	if (confine())
		return 1;
	rc = image_head(file, len, bytes, sizeof(bytes), &size, &err);
	if (rc == -ENOTSUP)
		return 0;
	if (!rc)
		rc = put(bytes, sizeof(bytes), 0);
	if (!rc && ftruncate(STDOUT_FILENO, (off_t)size))
		rc = -errno;
	return result(rc, &err);
}

/* The domain's frames, side by side in the order of the kernel's bytes. */
static uint8_t *map_frames(uint32_t domid, size_t size)
{
	size_t pages = (size + PAGE - 1) / PAGE;
	uint64_t *frames = malloc(pages * sizeof(*frames));
	uint8_t *map = NULL;

	if (frames && pread(UNWRAP_FRAMES, frames, pages * sizeof(*frames), 0) ==
	    (ssize_t)(pages * sizeof(*frames)))
		map = privcmd_map_foreign(UNWRAP_PRIVCMD, domid,
					  PROT_READ | PROT_WRITE, frames,
					  (unsigned int)pages, NULL);
	free(frames);
	return map;
}

static int into(const uint8_t *file, size_t len, uint32_t domid, size_t size)
{
	struct image_error err = { "" };
	uint8_t *to = map_frames(domid, size);

	if (!to)
		return fail("cannot map the domain's frames");
	close(UNWRAP_FRAMES);
	close(UNWRAP_PRIVCMD);
	return confine() ? 1 :
		result(image_unpack(file, len, to, size, &err), &err);
}

int main(int argc, char **argv)
{
	const uint8_t *file;
	size_t len;

	file = map_input(&len);
	if (!file)
		return fail(strerror(errno));
	if (argc == 1)
		return unwrap(file, len);
	if (argc == 2 && !strcmp(argv[1], "head"))
		return head(file, len);
	if (argc == 4 && !strcmp(argv[1], "into"))
		return into(file, len, (uint32_t)strtoul(argv[2], NULL, 10),
			    strtoul(argv[3], NULL, 10));
	return fail("usage: vane-unwrap [head | into DOMID SIZE]");
}
