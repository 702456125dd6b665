#!/bin/sh
# In Dom0 with Debian's tools: what xl makes of each file.
/etc/xen/services start >/dev/null 2>&1
for f in /root/xl-cfg/*.cfg; do
	echo "@@begin $(basename $f .cfg)"
	xl create -n $f 2>/dev/null
	echo "@@status $?"
done
