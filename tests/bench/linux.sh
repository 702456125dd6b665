#!/bin/sh
# In Dom0: the bench of Linux operations.
exec /bench
