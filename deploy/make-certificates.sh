#!/bin/sh
# Makes a certificate authority, a certificate for the broker, and one for each home, with openssl.
#
#   make-certificates.sh DIRECTORY BROKER-NAME HOME...
#
# BROKER-NAME is the name or the IPv4 address under which gateways reach the broker. What is there already is
# kept: run it again with further homes to add them. ca.key belongs on a stick in a safe, not on the broker.
set -eu
umask 077

if [ "$#" -lt 2 ]; then
    echo "usage: $0 DIRECTORY BROKER-NAME [HOME...]" >&2
    exit 2
fi
directory=$1
broker=$2
shift 2
for home in "$@"; do
    case $home in
    *[!a-z0-9_-]* | '' | ca | server)
        echo "$0: '$home' is not a home's id: use a-z, 0-9, - and _ (not ca, not server)" >&2
        exit 2
        ;;
    esac
done
mkdir -p "$directory"
cd "$directory"

# Ten years for the authority, 825 days for the rest (what clients accept at most).
authority_days=3650
days=825

new_key() {
    openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null ||
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

if [ ! -s ca.crt ]; then
    new_key ca.key
    openssl req -x509 -new -key ca.key -sha256 -days "$authority_days" -subj "/CN=anlian authority" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" -out ca.crt
fi

# sign NAME USAGE [SUBJECT-ALTERNATIVE-NAME]
sign() {
    if [ -s "$1.crt" ]; then
        echo "$1.crt is kept"
        return
    fi
    new_key "$1.key"
    {
        echo "basicConstraints=critical,CA:FALSE"
        echo "keyUsage=critical,digitalSignature"
        echo "extendedKeyUsage=$2"
        echo "subjectKeyIdentifier=hash"
        echo "authorityKeyIdentifier=keyid"
        if [ "$#" -ge 3 ]; then echo "subjectAltName=$3"; fi
    } >"$1.extensions"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.request"
    openssl x509 -req -in "$1.request" -CA ca.crt -CAkey ca.key -CAcreateserial -sha256 -days "$days" \
        -extfile "$1.extensions" -out "$1.crt" 2>/dev/null
    rm -f "$1.request" "$1.extensions"
    echo "$1.crt is new"
}

case $broker in
*[!0-9.]*) sign server serverAuth "DNS:$broker" ;;
*) sign server serverAuth "IP:$broker" ;;
esac
for home in "$@"; do
    sign "$home" clientAuth
done
chmod 644 ./*.crt
