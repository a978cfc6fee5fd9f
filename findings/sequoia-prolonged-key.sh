#!/usr/bin/env bash
# sqv 1.1.0, 1.3.0 and 1.5.0, and apt 3, which runs it: when a key was prolonged, every signature
# that is older than the key's new self-signature is refused ("No binding signature at time ..."),
# although the key, its owner and the signature are the same. GnuPG (gpg 2.2.40 and 2.4.9) replaces
# the self-signature when it prolongs a key, so that nothing says any more that the key was good
# before. gpgv accepts the old signatures. An archive has to be signed again before its prolonged
# key is handed out. Prints 0 for both before, 0 and 1 after.
# Source: sequoia-openpgp, ValidCert, which takes the binding signature at the signature's time.
set -euo pipefail
place=$(mktemp -d)
trap 'gpgconf --homedir "$place/gnupg" --kill all; rm -rf "$place"' EXIT
cd "$place"
mkdir -m 700 gnupg
export GNUPGHOME=$place/gnupg
gpg() { command gpg --batch --quiet --passphrase '' "$@"; }

gpg --faked-system-time 20250101T000000! --quick-generate-key 'Finding <finding@example.org>' ed25519 sign 3y
fingerprint=$(gpg --list-keys --with-colons | awk -F: '/^fpr/ { print $10; exit }')
echo text >file
gpg --faked-system-time 20250601T000000! --detach-sign file

verify() {
    gpg --export >key.gpg
    for program in gpgv sqv; do
        status=0
        $program --keyring ./key.gpg file.sig file >said 2>&1 || status=$?
        echo "$1: $program ends with $status $(grep -m 1 -o 'No binding signature.*' said || true)"
    done
}
verify "before"
gpg --quick-set-expire "$fingerprint" 5y
verify "prolonged"
