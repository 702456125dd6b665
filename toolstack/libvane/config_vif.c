/*
 * Network specifications: `key=value`, separated by commas. One table of
 * keys.
 */
#include "toolstack/libvane/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/text.h"

#define MAX_NAME	15		/* of an interface in Linux */

/* 0, -EINVAL, or -EOPNOTSUPP: can be described, but not had here. */
typedef int take_fn(struct vane_nic *nic, const char *value);

static int take_text(char **to, const char *value)
{
	free(*to);
	*to = strdup(value);
	return *to ? 0 : -ENOMEM;
}

static int take_name(char **to, const char *value)
{
	size_t n = strlen(value);

	if (!n || n > MAX_NAME || strpbrk(value, "/ \t:"))
		return -EINVAL;
	return take_text(to, value);
}

static int take_number(unsigned int *to, const char *value, unsigned long min,
		       unsigned long max)
{
	char *end;
	unsigned long n;

	if (*value < '0' || *value > '9')
		return -EINVAL;
	n = strtoul(value, &end, 0);
	if (*end || n < min || n > max)
		return -EINVAL;
	*to = n;
	return 0;
}

static int take_mac(struct vane_nic *nic, const char *value)
{
	return mac_parse(value, nic->mac);
}

static int take_bridge(struct vane_nic *nic, const char *value)
{
	return take_name(&nic->bridge, value);
}

static int take_vifname(struct vane_nic *nic, const char *value)
{
	return take_name(&nic->vifname, value);
}

static int take_ip(struct vane_nic *nic, const char *value)
{
	return take_text(&nic->ip, value);
}

static int take_gateway(struct vane_nic *nic, const char *value)
{
	return take_name(&nic->gatewaydev, value);
}

static int take_mtu(struct vane_nic *nic, const char *value)
{
	return take_number(&nic->mtu, value, 68, 65517);
}

static int take_devid(struct vane_nic *nic, const char *value)
{
	return take_number(&nic->devid, value, 0, 255);
}

static int take_backend(struct vane_nic *nic, const char *value)
{
	int rc = take_text(&nic->backend_domain, value);

	return rc ? rc : strcmp(value, "0") && strcmp(value, "Domain-0") ?
		-EOPNOTSUPP : 0;
}

static int take_antispoof(struct vane_nic *nic, const char *value)
{
	nic->antispoof = !strcmp(value, "yes") || !strcmp(value, "1");
	return nic->antispoof || !strcmp(value, "no") || !strcmp(value, "0") ?
		0 : -EINVAL;
}

static int take_backendtype(struct vane_nic *nic, const char *value)
{
	return backend_parse(value, &nic->backend);
}

static int take_script(struct vane_nic *nic, const char *value)
{
	return *value ? take_text(&nic->script, value) : -EINVAL;
}

static int take_type(struct vane_nic *nic, const char *value)
{
	bool emulated = !strcmp(value, "ioemu");
	int rc;

	if (strcmp(value, "vif") && strcmp(value, "netfront") && !emulated)
		return -EINVAL;
	rc = take_text(&nic->type, value);
	return rc ? rc : emulated ? -EOPNOTSUPP : 0;
}

static int take_model(struct vane_nic *nic, const char *value)
{
	return take_text(&nic->model, value);
}

/* Unit of a rate: multiplier of bytes per second, and what follows it. */
static const char *rate_unit(const char *at, double *factor)
{
	*factor = 1;
	switch (*at) {
	case 'G':
		*factor *= 1000;
		__attribute__((fallthrough));
	case 'M':
		*factor *= 1000;
		__attribute__((fallthrough));
	case 'K':
		*factor *= 1000;
		at++;
		break;
	default:
		break;
	}
	if (*at == 'b')
		*factor /= 8;
	else if (*at != 'B')
		return NULL;
	return strncmp(at + 1, "/s", 2) ? NULL : at + 3;
}

/* "10Mb/s", "1MB/s@20ms": bytes per interval of 50 ms or as given. */
static int take_rate(struct vane_nic *nic, const char *value)
{
	double factor, usec = 50000, n;
	char *at;
	const char *rest;

	if (*value < '0' || *value > '9')
		return -EINVAL;
	n = strtoul(value, &at, 10);
	rest = rate_unit(at, &factor);
	if (!rest || n > 1e12)
		return -EINVAL;
	if (*rest == '@') {
		if (rest[1] < '0' || rest[1] > '9')
			return -EINVAL;
		usec = strtoul(rest + 1, &at, 10);
		if (!strcmp(at, "ms"))
			usec *= 1e3;
		else if (!strcmp(at, "s"))
			usec *= 1e6;
		else if (!*at)
			usec *= 1e6;	/* a bare number is seconds */
		else if (strcmp(at, "us"))
			return -EINVAL;
	} else if (*rest) {
		return -EINVAL;
	}
	if (usec < 1 || usec > 4e9)
		return -EINVAL;
	nic->rate_bytes = n * factor * usec / 1e6;
	nic->rate_usec = usec;
	return 0;
}

static const struct {
	const char *key;
	take_fn *take;
	const char *allowed;
} keys[] = {
	{ "mac", take_mac, "six bytes as 00:16:3e:12:34:56, not multicast" },
	{ "bridge", take_bridge, "name of a bridge, up to 15 characters" },
	{ "vifname", take_vifname, "an interface name, up to 15 characters" },
	{ "ip", take_ip, "an address" },
	{ "gatewaydev", take_gateway, "name of an interface" },
	{ "netdev", take_gateway, "name of an interface" },
	{ "mtu", take_mtu, "68 to 65517" },
	{ "devid", take_devid, "0 to 255" },
	{ "rate", take_rate, "as 10Mb/s or 1MB/s@20ms" },
	{ "antispoof", take_antispoof, "yes or no" },
	{ "backend", take_backend, "0 or Domain-0" },
	{ "backendtype", take_backendtype, BACKEND_ALLOWED },
	{ "script", take_script, "name of a script in /etc/xen/scripts, or a "
		"path" },
	{ "type", take_type, "vif" },
	{ "model", take_model, "a text" },
};

#define NR_KEYS (sizeof(keys) / sizeof(keys[0]))

static bool unknown_key(const struct spec *spec, const char *word)
{
	const char *names[NR_KEYS], *near;

	for (size_t i = 0; i < NR_KEYS; i++)
		names[i] = keys[i].key;
	near = nearest_name(word, names, NR_KEYS);
	report_add(spec->report, VANE_ERROR, spec->place, spec->key,
		   "there is no vif option \"%s\"%s%s%s", word,
		   near ? "; did you mean \"" : "", near ? near : "",
		   near ? "\"?" : "");
	return false;
}

static bool take_word(const struct spec *spec, struct vane_nic *nic,
		      char *word)
{
	char *value = strchr(word, '=');
	enum vane_level level;
	int rc;

	if (!strcmp(word, "trusted") || !strcmp(word, "untrusted")) {
		nic->trusted = *word == 't' ? VANE_YES : VANE_NO;
		return true;
	}
	if (!value)
		return unknown_key(spec, word);
	*value++ = '\0';
	word[strcspn(word, " \t")] = '\0';
	value += strspn(value, " \t");
	for (size_t i = 0; i < NR_KEYS; i++) {
		if (strcmp(word, keys[i].key))
			continue;
		rc = keys[i].take(nic, value);
		if (!rc)
			return true;
		level = rc == -EOPNOTSUPP ? refusal(spec->report) : VANE_ERROR;
		report_add(spec->report, level, spec->place, spec->key,
			   "%s=\"%s\"%s; allowed: %s", word, value,
			   rc == -EOPNOTSUPP ? " is not supported" : "",
			   keys[i].allowed);
		return level != VANE_ERROR;
	}
	return unknown_key(spec, word);
}

int nic_parse(const struct spec *spec, const char *text, struct vane_nic *nic)
{
	struct vane_nic got = {
		.devid = ~0u, .line = spec->place.line,
	};
	char *copy = strdup(text), *save = NULL;
	bool ok = true;

	if (!copy)
		return -ENOMEM;
	for (char *word = strtok_r(copy, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		size_t n;

		word += strspn(word, " \t");
		n = strlen(word);
		while (n && (word[n - 1] == ' ' || word[n - 1] == '\t'))
			word[--n] = '\0';
		if (n)
			ok &= take_word(spec, &got, word);
	}
	free(copy);
	if (!ok) {
		vane_nic_free(&got);
		return -EINVAL;
	}
	*nic = got;
	return 0;
}

void vane_nic_free(struct vane_nic *nic)
{
	free(nic->bridge);
	free(nic->vifname);
	free(nic->ip);
	free(nic->script);
	free(nic->gatewaydev);
	free(nic->backend_domain);
	free(nic->model);
	free(nic->type);
	nic->bridge = nic->vifname = nic->ip = NULL;
	nic->script = nic->gatewaydev = nic->backend_domain = NULL;
	nic->model = nic->type = NULL;
}

int vane_nic_parse(struct vane_nic *nic, const char *text,
		   struct vane_report *report)
{
	const struct spec spec = {
		.report = report, .place.file = "command line", .key = "vif",
	};

	return nic_parse(&spec, text, nic);
}
