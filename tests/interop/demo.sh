#!/bin/sh
# In Dom0: the story of `make demo`, its judgements as TAP.
set -o pipefail
if /usr/lib/paravane-test/demo.sh |
		sed 's/^   yes: /ok - /; s/^   NO: /not ok - /' | tee /tmp/told
then
	echo "ok - the story comes to its end"
else
	echo "not ok - the story comes to its end"
fi
echo "1..$(($(grep -c '^ok \|^not ok ' /tmp/told) + 1))"
