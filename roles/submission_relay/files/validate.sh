#!/bin/sh
# Usage: validate.sh DIRECTORY CERTIFICATE KEY: is the configuration in DIRECTORY one that the servers would start with?
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
staged=$1 certificate=$2 key=$3

refuse() {
    echo "$1; nothing was changed." >&2
    exit 1
}

public=$(openssl x509 -in "$certificate" -noout -pubkey 2>&1) || refuse "submission_relay_tls_certificate: $certificate holds no PEM certificate"
openssl x509 -in "$certificate" -noout -checkend 0 >/dev/null || refuse "submission_relay_tls_certificate: $certificate has expired"
[ "$(openssl pkey -in "$key" -pubout 2>&1)" = "$public" ] || refuse "submission_relay_tls_key: $key is not the key of $certificate"

said=$(doveconf -n -c "$staged/dovecot.conf" 2>&1 >/dev/null) || refuse "Dovecot does not take its configuration: $said"

said=$(postconf -c "$staged" -n 2>&1 >/dev/null) || refuse "Postfix does not take its configuration: $said"
# A misspelt parameter is only a warning to Postfix, but never what was meant.
[ -z "$said" ] || refuse "submission_relay_postfix_parameters: $(echo "$said" | sed "s#$staged/##" | tr '\n' ' ')"
said=$(postconf -c "$staged" -M 2>&1 >/dev/null) || refuse "Postfix does not take its master.cf: $said"
said=$(postfix -c "$staged" check 2>&1) || refuse "postfix check does not take the configuration: $said"
# Wrong values come to light only when a server reads them: one speaks here with nobody, on standard input.
printf 'EHLO localhost\r\nQUIT\r\n' | MAIL_CONFIG=$staged "$(postconf -c "$staged" -hx daemon_directory)/smtpd" -S 2>&1 | grep -q '^221 ' ||
    refuse "Postfix's smtpd does not start with this configuration; look at submission_relay_postfix_parameters, and for the reason in the mail log"
