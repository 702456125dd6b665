/* Copies from and to guest memory, through the running vCPU's page tables. */
#include "guest.h"
#include "access.h"

int copy_from_guest_va(void *dst, uint64_t va, size_t len)
{
	return copy_in(dst, va, len);
}

int copy_to_guest_va(uint64_t va, const void *src, size_t len)
{
	return copy_out(va, src, len);
}

#define DEFINE_PUT(bits) \
int put_guest_u##bits(uint64_t va, uint##bits##_t val) \
{ \
	if (unlikely(!guest_start_ok(va))) \
		return -EFAULT; \
	user_access_begin(); \
	GUEST_STORE((uint##bits##_t *)va, val, fault); \
	user_access_end(); \
	return 0; \
fault: \
	user_access_end(); \
	return -EFAULT; \
}

DEFINE_PUT(32)
DEFINE_PUT(64)

int get_guest_u32(uint32_t *val, uint64_t va)
{
	uint32_t v;
	int rc = 0;

	if (unlikely(!guest_start_ok(va)))
		return -EFAULT;
	user_access_begin();
	GUEST_LOAD(v, (const uint32_t *)va, rc);
	user_access_end();
	*val = v;
	return rc;
}

int get_guest_pair(uint64_t val[2], uint64_t va)
{
	const uint64_t *from = (const uint64_t *)va;
	int rc = 0;

	if (unlikely(!guest_start_ok(va)))
		return -EFAULT;
	user_access_begin();
	GUEST_LOAD(val[0], from, rc);
	GUEST_LOAD(val[1], from + 1, rc);
	user_access_end();
	return rc;
}
