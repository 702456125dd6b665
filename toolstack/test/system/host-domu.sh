#!/bin/sh
# In the domain: up until it is asked to end.
echo @ready
while :; do sleep 1; done
