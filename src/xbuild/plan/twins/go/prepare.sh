# The twin of what the `go` command starts; sourced by the helper's prepare.sh. Go's programs are static: they start
# in any root as they are.
# shellcheck shell=sh disable=SC2154
root=/usr/local/go made=$out/$twin
for tool in diff stat; do
    command -v "$tool" >/dev/null || refuse "the base image has no $tool"
done
image=$(in_target "$root")
[ -x "$root/bin/go" ] && [ -e "$image/bin/go" ] || refuse "the base image has no Go in $root"
[ "$image" = "$target$root" ] || refuse "$root is a link"
[ -e "$root/src/cmd/compile" ] || refuse "the base image has no sources of Go"
# One release has one text for all machines, and its programs answer for it by that text.
# busybox's programs have neither a word for links, of which Go's folders have none, nor parts of seconds.
seconds=%.9Y unfollowed=--no-dereference
[ "$system" = glibc ] || seconds=%Y unfollowed=
for part in VERSION go.env pkg/include src; do
    [ -e "$root/$part" ] || [ -e "$image/$part" ] || continue
    diff -rq $unfollowed "$root/$part" "$image/$part" >/dev/null ||
        refuse "the base image has another Go on the target platform"
done
version=$(head -n 1 "$root/VERSION")
one() {
    [ $# = 1 ] && [ -d "$1" ] || refuse "not one folder of Go's tools"
    printf '%s' "$1"
}
own=$(one "$root"/pkg/tool/*_*)
tools=$(one "$image"/pkg/tool/*_*)

# What a program says of how it was built: its release, what it is, and what changes what it does.
told() {
    GOTOOLCHAIN=local GOENV=off "$root/bin/go" version -m "$1" |
        sed -n -e '1s/^.*: //p' -e '/^\t\(path\|mod\|dep\)\t/p' \
            -e '/^\tbuild\t\(-compiler\|-tags\|-race\|-cover\|-asan\|-msan\|GOEXPERIMENT\|GOFIPS140\)=/p'
}
mkdir -p "$made"
for tool in asm cgo compile cover link preprofile vet; do
    [ -x "$own/$tool" ] && [ -x "$tools/$tool" ] || continue
    expected=$(told "$own/$tool")
    [ "${expected%%
*}" = "$version" ] || refuse "$tool is not of the release that $root/VERSION names"
    [ "$expected" = "$(told "$tools/$tool")" ] || refuse "$tool was built otherwise for the target platform"
    path=${tools#"$target"}/$tool
    script "$own/$tool" "$twin/own/$tool"
    record "$made/sums" "$path"
    printf '%s %s\n' "$path" "$(stat -L -c "%s $seconds" "$tools/$tool")" >>"$made/tools"
done
for tool in asm compile link; do
    [ "$("$made/own/$tool" -V=full)" = "$tool version $version" ] || refuse "$tool does not start"
done
record "$made/sums" "$root/bin/go" "$root/VERSION"
[ ! -e "$image/go.env" ] || record "$made/sums" "$root/go.env"
native "$(readlink -f "$(command -v stat)")" "$twin/stat"
starter "$twin/bin/go" "$twin/word" "$twin/tool"
script "$here/$twin/decide" "$twin/decide"
[ "$system" = glibc ] || sed -i "s/%[.]9Y/$seconds/" "$made/decide"
cat "$here/$twin/options" >"$made/options"
cat "$here/$twin/hostile" >"$made/hostile"
cat "$here/$twin/env" >"$made/env"
finish
