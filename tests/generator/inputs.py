"""The files that lines read: `/in/p` the same everywhere, `/in/m` made for the machine, in two versions.

Both folders hold the same names, and beside each stand files of the same sort for pipes. The two versions of
the machine's differ in every file: other words, other numbers, more lines, another program, other members of
archives, and a file that the second does not have.
"""

from __future__ import annotations

from collections.abc import Callable

# Made by programs of the root file system itself, in the folder that they fill.
_FILL = r"""
set -eu
w=$1 n=$2
umask 022
{ echo "one $w"; seq "$n"; echo "x_$w two  three"; echo "same"; echo "same"; echo "é $w"; } > a.txt
{ echo "$w b"; echo "same"; seq "$n" 2 30; } > b.txt
sort a.txt > s1.txt; sort b.txt > s2.txt
printf 'name\tvalue\n%s\t%s\n' "$w" "$n" > c.csv
printf '{"a":"%s","n":%s,"l":[1,2,%s],"o":{"k":"%s"}}\n' "$w" "$n" "$n" "$w" > d.json
printf 'a: %s\nn: %s\nl:\n  - 1\n  - %s\n' "$w" "$n" "$n" > e.yaml
printf 'export T=%s\n%s $HOME ${A} $MV\n' "$w" "$w" > t.sh
printf 's/one/%s/\n' "$w" > s.sed
printf '{ print NR, "%s" }\n' "$w" > f.awk
printf '.a, "%s"\n' "$w" > f.jq
printf '%s\n' "$w" > word; printf '%s\n' "$n" > number; printf '%s\none\n' "$w" > patterns
printf 'a.txt\nb.txt\n%s\n' $( [ "$n" -gt 5 ] && echo c.csv || echo d.json ) > list
printf 'a.txt\000b.txt\000' > list0; [ "$n" -gt 5 ] && printf 'c.csv\000' >> list0
printf 'int main(void){return %s;}\n' "$n" > main.c
printf '#!/bin/sh\necho %s\n' "$w" > run.sh; chmod 755 run.sh
: > empty; [ "$n" -gt 5 ] || echo x >> empty
[ "$n" -gt 5 ] || echo only > only
mkdir -p d/e; cp a.txt d/; cp b.txt d/e/; echo "$w" > "d/$w"; ln -s a.txt d/link; ln -s ../b.txt d/up
ln -s a.txt link; ln -s nowhere dangling; ln -s "$w" toward
[ "$n" -gt 5 ] && chmod 600 b.txt
sha256sum a.txt b.txt > sums; [ "$n" -gt 5 ] && sed -i 's/^./0/' sums
md5sum a.txt > md5
cp /bin/true bin; printf '%s' "$w" >> bin
gcc -c -o o.o main.c; gcc -o prog main.c
tar -cf t.tar --sort=name a.txt d; tar -czf t.tgz --sort=name a.txt d; tar -cJf t.txz --sort=name a.txt d
zip -q -r -X t.zip a.txt d
gzip -nk a.txt; xz -k b.txt; bzip2 -k a.txt; zstd -q a.txt
cp a.txt q.txt; gzip -nf q.txt
printf -- '--- a.txt\n+++ a.txt\n@@ -1 +1 @@\n-one %s\n+two %s\n' "$w" "$w" > p.diff
openssl genrsa -out key.pem 1024 2>/dev/null
openssl req -x509 -new -key key.pem -subj "/CN=$w" -days 9 -out cert.pem -set_serial 1
base64 a.txt > a.b64
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_DATE="$3 +0000" GIT_COMMITTER_DATE="$3 +0000"
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
git init -q -b main repo
( cd repo; cp ../a.txt ../main.c .; git add .; git commit -qm "$w"; git tag "v$n"; git branch other
  echo "$w" >> a.txt; echo new > "new_$w"; git remote add origin https://example.org/r.git )
rm -f repo/.git/hooks/*
export GNUPGHOME=/tmp/gpg; mkdir -pm 700 $GNUPGHOME
echo "$w" | gpg --batch -q --enarmor > arm.asc 2>/dev/null
rm -rf /tmp/gpg
cp a.txt "$PWD.txt"; cp c.csv "$PWD.csv"; cp s1.txt "$PWD.s1"
find . "$PWD.txt" "$PWD.csv" "$PWD.s1" -exec touch -h -d "@$3" {} +
"""
_VERSIONS = {
    "p": ("plain", 5, 1700000000),
    "A": ("aarch", 3, 1690000000),
    "B": ("xeighty_six", 7, 1710000000),
}
VERSIONS = ("A", "B")
# Links that lead to files and folders of both sorts, on to each other, to nothing yet, and out of a link.
_LINKS = """
mkdir -p /l/e; cd /l; echo one > x
ln -s ../out/old.txt f; ln -s ../out/d d; ln -s /out/fresh n; ln -s n c
ln -s /in/m/a.txt m; ln -s /in/m/d md
ln -s . s; ln -s d/../old.txt odd; ln -s ../in/p in; ln -s ../../out/later e/u
ln -s ../l/f /w/f; ln -s /l /out/l
"""
_TIDY = """
rm -rf /tmp/* /root/.gnupg
find /out /w /l -exec touch -h -d @1700000000 {} +
"""


def fill_same(run: Callable[[str], object]) -> None:
    """What is the same with both versions; `run` runs a script and keeps what it changes."""
    places = "mkdir -p /out/d /w; cp /in/p/a.txt /out/old.txt\n"
    settings = "".join(
        f"git config --system {setting}\n"
        for setting in ("safe.directory '*'", "user.name a", "user.email a@b")
    )
    run(_filling("p", "p") + places + _LINKS + settings + _TIDY)


def fill_machine(version: str, run: Callable[[str], object]) -> None:
    """What is made for the machine, in one of the `VERSIONS`."""
    run(_filling("m", version) + _TIDY)


def _filling(folder: str, version: str) -> str:
    word, number, time = _VERSIONS[version]
    return (
        f"set -eu\nmkdir -p /out /w /in/{folder}; cd /in/{folder}\n"
        f"sh -s {word} {number} {time} <<'END_OF_FILLING'\n{_FILL}\nEND_OF_FILLING\n"
    )
