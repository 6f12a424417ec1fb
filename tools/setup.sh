#!/bin/sh
# Installs what the demo and the tests need beside Go: the interpreters that
# functions run on. Does nothing where they are already there.
set -eu

missing=""
[ -x /usr/bin/python3 ] || missing="$missing python3"
[ -x /usr/bin/node ] || [ -x /usr/local/bin/node ] || missing="$missing nodejs"
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "setup: installing$missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# shellcheck disable=SC2086 # a list of words
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
	exit 0
fi
echo "setup: these packages are missing:$missing" >&2
echo "setup: install them, for example: sudo apt-get install$missing" >&2
exit 1
