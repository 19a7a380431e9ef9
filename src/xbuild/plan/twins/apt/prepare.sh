# The twin of apt-get, apt and dpkg on Debian and its kin; sourced by the helper's prepare.sh.
here=$here/$twin made=$out/$twin
for program in dpkg apt-get apt apt-config dpkg-query; do
    command -v "$program" >/dev/null || refuse "the base image has no $program"
done
packages='apt dpkg'
tools='coreutils debianutils diffutils findutils grep gzip sed tar'

# What the status file says of packages, in its own order, as wrappers read it again.
versions() {
    file=$1 expression=
    shift
    for package in "$@"; do
        expression="$expression/^Package: $package\$/,/^\$/{/^Package: /p;/^Version: /p};"
    done
    sed -n "$expression" "$file"
}

# FOLDER PROGRAM: a native one, which the starter leaves for the target's own where that is another file by then.
tool() {
    native "$2" "$twin/$1.own/${2##*/}"
    starter "$twin/$1/${2##*/}"
    file=$(in_target "$2")
    echo "$(stat -c '%s %.9Y' "$file") $mount/$twin/$1.own/${2##*/}" >"$made/$1/${2##*/}.same"
}
mkdir -p "$made"
# Compiled again from the same source, which a distribution does for one architecture at a time.
again='s/^\(Version: .*\)+b[0-9]*$/\1/'
for list in packages tools; do
    eval "set -- \$$list"
    versions "$(in_target /var/lib/dpkg/status)" "$@" >"$made/$list.versions"
    [ "$(versions /var/lib/dpkg/status "$@" | sed "$again")" = "$(sed "$again" "$made/$list.versions")" ] ||
        refuse "the base image has other versions of $* on the target platform"
    [ "$(grep -c '^Version: ' "$made/$list.versions")" = $# ] || refuse "not all of $* are installed"
done

architecture=$(sed -n '/^Package: dpkg$/,/^$/s/^Architecture: //p' "$(in_target /var/lib/dpkg/status)")

for program in apt-get apt apt-config; do
    native "/usr/bin/$program" "$twin/own/$program"
done
starter "$twin/bin/apt-get" "$twin/bin/apt" "$twin/bin/dpkg"
script "$here/decide" "$twin/decide"
[ -e "$here/settled.$BUILDARCH" ] || refuse "nothing for $BUILDARCH takes apt its settings"
base64 -d "$here/settled.$BUILDARCH" >"$made/settled.so"
for library in "$folder"/libapt-*.so.*; do
    library "$library"
done
# dpkg stays the target's own. What it starts is not, where it does not know the machine.
for program in dpkg-deb dpkg-split update-alternatives; do
    tool dpkg "/usr/bin/$program"
    record "$made/dpkg.sums" "/usr/bin/$program"
done

# Tools for maintainer scripts: programs only, and none that tells the machine, loads libraries of its own, changes
# the root, reads who is logged in, or counts with the machine's widest floating point (`od -tfL`, `sort -g`).
for package in $tools; do
    dpkg-query -L "$package"
done | grep -E '^(/usr)?/s?bin/' | grep -vE '/(arch|chcon|chroot|hostid|numfmt|od|pinky|printf|seq|sort|runcon|stdbuf|uname|users|who)$' |
    sort | xargs grep -lF "$loader" >"$made/paths"
set --
while read -r program; do
    tool tools "$program"
    set -- "$@" "$program"
done <"$made/paths"
rm "$made/paths"
record "$made/tools.sums" "$@"

# Where apt has dpkg look for programs, by the image's own configuration.
path=$(apt-config dump | sed -n 's/^D[Pp]kg::Path "\(.*\)";$/\1/p')
[ -n "$path" ] || refuse "apt does not say where dpkg looks for programs"
printf '%s\n' "$path" >"$made/path"
{
    echo "APT::Architecture \"$architecture\";"
    set -- /usr/bin/apt-get /usr/bin/apt
    for library in "$(in_target /usr/lib)"/*/libapt-*.so.*; do
        [ -h "$library" ] || set -- "$@" "${library#"$target"}"
    done
    for method in $(grep -lF "$loader" /usr/lib/apt/methods/*); do
        name=${method##*/}
        native "$method" "$twin/methods/$name"
        [ -h "$method" ] || set -- "$@" "$method"
        echo "Dir::Bin::Methods::$name \"$mount/$twin/methods/$name\";"
    done
} >"$made/methods.conf"
record "$made/apt.sums" "$@"
for configuration in "apt $mount/$twin/dpkg" "tools $mount/$twin/dpkg:$mount/$twin/tools"; do
    {
        cat "$made/methods.conf"
        echo "DPkg::Path \"${configuration#* }:$path\";"
    } >"$made/${configuration%% *}.conf"
done
rm "$made/methods.conf"

# The check of signatures before apt 3: a script for /bin/sh that starts gpgv, once for each list of packages.
if [ -e /usr/bin/apt-key ] && cmp -s /usr/bin/apt-key "$(in_target /usr/bin/apt-key)" &&
    [ "$(head -n 1 /usr/bin/apt-key)" = '#!/bin/sh' ]; then
    key=$twin/key
    native "$shell" "$key/sh"
    native /usr/bin/apt-config "$key/apt-config"
    set -- /usr/bin/apt-key /usr/bin/apt-config "${theirs#"$target"}"
    for program in gpgv awk; do
        path=$(readlink -f "/usr/bin/$program") other=$(in_target "/usr/bin/$program")
        if [ "$path" = "${other#"$target"}" ] && [ -e "$path" ]; then
            native "$path" "$key/$program"
            set -- "$@" "/usr/bin/$program"
        fi
    done
    {
        echo "#!$mount/$key/sh"
        echo "PATH=$mount/$key:$mount/$twin/tools:\$PATH"
        sed 1d /usr/bin/apt-key
    } >"$out/$key/apt-key"
    chmod 755 "$out/$key/apt-key"
    {
        cat "$made/tools.conf"
        echo "Dir::Bin::apt-key \"$mount/$key/apt-key\";"
    } >"$made/key.conf"
    record "$made/key.sums" "$@"
fi
if grep -q libcrypto "$listed"; then
    library=$(sed -n 's,^.* => \(/.*/libcrypto[^ ]*\) .*,\1,p' "$listed" | head -n 1)
    configuration=$(grep -aoh 'OPENSSLDIR: "[^"]*"' "$library" | cut -d '"' -f 2)
    [ -n "$configuration" ] || refuse "OpenSSL does not say where its configuration is"
    printf '%s\n' "$configuration/openssl.cnf" >"$made/openssl"
fi
cat "$here/options" >"$made/options"
cat "$here/hostile" >"$made/hostile"
cat "$here/settings" >"$made/settings"
finish

# Everything is tried once where the RUNs will see it: apt has its settings, and does not hand them on.
[ "$(LD_PRELOAD="$mount/$twin/settled.so" APT_CONFIG="$mount/$twin/apt.conf" "$mount/$twin/own/apt-config" dump |
    grep -c "^DPkg::Path \"$mount")" = 1 ] || refuse "apt does not take its settings"
 for configuration in apt tools key; do
    [ -e "$made/$configuration.conf" ] || continue
    APT_CONFIG="$mount/$twin/$configuration.conf" "$mount/$twin/own/apt-config" dump |
        sed -n -f "$here/settings" >"$made/$configuration.settings"
    [ -s "$made/$configuration.settings" ] || refuse "apt-config does not start"
done
