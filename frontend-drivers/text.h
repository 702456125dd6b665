/* Text for store paths and the log: "%s" and "%u" (unsigned long) only. */
#ifndef FRONTEND_TEXT_H
#define FRONTEND_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Always ends with a NUL. Returns false when it had to cut. */
bool text_format(char *to, size_t size, const char *format, ...);

/* A decimal number and nothing else: true, and the number. */
bool text_number(const char *text, unsigned long *number);

#endif
