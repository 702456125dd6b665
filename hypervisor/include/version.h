/* Our own version; what guests are told of is Xen's (hypercall/version.c). */
#ifndef PV_VERSION_H
#define PV_VERSION_H

#define PARAVANE_VERSION "0.1"

#endif
