#!/bin/sh
# In the domain: see net.sh.
stream serve 5000 &
echo "@ready"
wait
