#!/bin/sh
# Usage: validate.sh ROOT CERTIFICATE KEY: would the servers start with the configuration below ROOT?
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
root=$1 certificate=$2 key=$3

refuse() {
    echo "$1; nothing was changed." >&2
    exit 1
}

refuse_postfix() {
    refuse "Postfix refuses this configuration, look at submission_relay_postfix_parameters (${1:-the reason is in the mail log})"
}

public=$(openssl x509 -in "$certificate" -noout -pubkey 2>&1) || refuse "submission_relay_tls_certificate: $certificate holds no PEM certificate"
openssl x509 -in "$certificate" -noout -checkend 0 >/dev/null || refuse "submission_relay_tls_certificate: $certificate has expired"
[ "$(openssl pkey -in "$key" -pubout 2>&1)" = "$public" ] || refuse "submission_relay_tls_key: $key is not the key of $certificate"

said=$(rsyslogd -N1 -f "$root/etc/rsyslog.d/40-submission_relay.conf" 2>&1) || refuse "rsyslog refuses this configuration ($said)"

said=$(nft -c -f "$root/etc/submission_relay/ports.nft" 2>&1) || refuse "nft refuses these rules ($said)"

said=$(python3 -B "$root/usr/local/lib/submission_relay/guard.py" check "$root/etc/submission_relay/guard.json" 2>&1) ||
    refuse "the guard refuses its configuration ($(printf '%s\n' "$said" | tail -n 1))"

said=$(doveconf -n -c "$root/etc/dovecot/dovecot.conf" 2>&1 >/dev/null) || refuse "Dovecot refuses this configuration ($said)"

said=$(rspamadm configtest -q -c "$root/etc/rspamd/rspamd.conf" 2>&1) || refuse "rspamd refuses this configuration ($said)"

postfix=$root/etc/postfix
said=$(postconf -c "$postfix" -n 2>&1 >/dev/null) || refuse_postfix "$said"
# A misspelt parameter is only a warning to Postfix, but never what was meant.
[ -z "$said" ] || refuse_postfix "$said"
said=$(postconf -c "$postfix" -M 2>&1 >/dev/null) || refuse_postfix "$said"
said=$(postfix -c "$postfix" check 2>&1) || refuse_postfix "$said"
# Wrong values come to light only when a server reads them: one speaks here with nobody, on standard input.
smtpd=$(postconf -c "$postfix" -hx daemon_directory)/smtpd
printf 'EHLO localhost\r\nQUIT\r\n' | MAIL_CONFIG=$postfix "$smtpd" -S -o smtpd_sender_login_maps= 2>&1 | grep -q '^221 ' || refuse_postfix
