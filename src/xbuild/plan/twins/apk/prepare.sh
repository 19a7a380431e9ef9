# The twin of apk on Alpine; sourced by the helper's prepare.sh.
# shellcheck shell=sh disable=SC2154
made=$out/$twin
program=$(command -v apk) || refuse "the base image has no apk"
program=$(readlink -f "$program") image=$(in_target "$program")
[ -f "$image" ] || refuse "the base image has no apk on the target platform"
said=$("$program" --version)
case $said in
'apk-tools 3.'*', compiled for '*.) ;;
'apk-tools 2.'*) refuse "the base image has apk-tools 2, and only for 3 was it proved" ;;
*) refuse "the base image has another apk than apk-tools 3" ;;
esac

# What the database of packages says of some of them: FILE NAME...
versions() {
    file=$1 expression=
    shift
    for package in "$@"; do
        expression="$expression/^P:$package\$/,/^\$/{/^[PV]:/p};"
    done
    sed -n "$expression" "$file"
}
set -- apk-tools libapk libcrypto3 libssl3 musl zlib
database=/lib/apk/db/installed
[ -e "$database" ] || database=/usr/lib/apk/db/installed
[ -e "$database" ] || refuse "the base image has no list of packages"
own=$(versions "$database" "$@")
case $own in *P:apk-tools*) ;; *) refuse "apk is of no package" ;; esac
[ "$own" = "$(versions "$(in_target "$database")" "$@")" ] ||
    refuse "the base image has other versions of $* on the target platform"

# apk takes the architecture from there, and would take its own without it.
architecture=$(cat "$(in_target /etc/apk/arch)") || refuse "the base image does not say for which architecture it is"
case $architecture in '' | *[!a-z0-9_]*) refuse "the base image does not say for which architecture it is" ;; esac
# Where it says for which it was compiled itself, it is told this.
grep -q "compiled for $architecture[.]" "$image" ||
    refuse "apk on the target platform is another one, or for another architecture"

mkdir -p "$made"
native "$program" "$twin/own/apk"
[ -e "$here/$twin/told.$BUILDARCH" ] || refuse "nothing for $BUILDARCH tells apk what it is"
base64 -d "$here/$twin/told.$BUILDARCH" >"$made/told.so"
printf '%s %s\n' "$architecture" "${image#"$target"}" >"$made/told"
# What decides what it writes: itself, its library and zlib's. OpenSSL and the C library may be brought up to date.
set -- "${image#"$target"}"
sed -n 's,^[[:space:]]*\(lib\(apk\|z\)\.so[^ ]*\) => \(/.*\) (0x[0-9a-f]*)$,\1 \3,p' "$listed" | sort -u >"$made/libraries"
while read -r name path; do
    file=$(in_target "$path")
    [ -e "$file" ] || refuse "the base image has no $name on the target platform"
    set -- "$@" "${file#"$target"}"
done <"$made/libraries"
[ $# = 3 ] || refuse "apk is linked otherwise than Alpine's"
record "$made/sums" "$@"
library=$(sed -n 's,^.* => \(/.*/libcrypto[^ ]*\) .*,\1,p' "$listed" | head -n 1)
[ -n "$library" ] || refuse "apk has no OpenSSL in it"
folder=$(tr '\0' '\n' <"$library" | sed -n 's,^OPENSSLDIR: "\([^"]*\)"$,\1,p')
[ -n "$folder" ] || refuse "OpenSSL does not say where its configuration is"
printf '%s\n' "$folder/openssl.cnf" >"$made/openssl"
starter "$twin/bin/apk"
script "$here/$twin/decide" "$twin/decide"
cat "$here/$twin/options" >"$made/options"
cat "$here/$twin/hostile" >"$made/hostile"
finish

# It is tried once where the RUNs will see it: what it says of itself, and what it writes into its log.
tried() {
    LD_PRELOAD="$mount/$twin/told.so" XBUILD_7C1F="$(cat "$made/told")" "$mount/$twin/own/apk" "$@"
}
[ "$(tried --version)" = "${said% *} $architecture." ] || refuse "apk does not start"
mkdir "$out.root"
tried add --root "$out.root" --initdb --no-network --quiet || refuse "apk does not work on an empty root"
grep -q "compiled for $architecture[.]\$" "$out.root/var/log/apk.log" || refuse "apk does not log what it is told"
rm -r "$out.root"
