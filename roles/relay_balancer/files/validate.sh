#!/bin/sh
# Usage: validate.sh ROOT: would HAProxy start with the configuration below ROOT?
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
said=$(haproxy -c -q -f "$1/etc/haproxy/haproxy.cfg" 2>&1) && exit
said=$(printf '%s\n' "$said" | sed -n 's/^\[ALERT\][^:]*: *//p' | head -n 1)
echo "relay_balancer: HAProxy refuses this configuration (${said:-without a word}); nothing was changed." >&2
exit 1
