"""Which commands may come upon a folder in the root."""

from __future__ import annotations

import pytest

from xbuild.dockerfile.shell import parse_script
from xbuild.plan.deciding.walking import why_walked

KNOWN = {"APP_HOME": "/app", "CACHE": "/tmp/cache", "ROOT": "/", "ODD": "/a b", "EMPTY": ""}
WALKS = (
    "rm -rf /",
    "rm -r $DIR",
    'rm -rf "$DIR"',
    "rm -rf $ROOT",
    "rm -rf $ODD",
    "rm -rf $EMPTY/",
    "rm -rf $APP_HOME; APP_HOME=/",
    "APP_HOME=/; rm -rf $APP_HOME",
    "for APP_HOME in / /x; do rm -rf $APP_HOME; done",
    "read APP_HOME; rm -rf $APP_HOME",
    ". ./file; rm -rf $APP_HOME",
    "rm -rf ${CACHE%/*}",
    "rm -rf $A/$B",
    "rm -rf $A/../",
    "rm -rf $A/x/..",
    "rm -rf $A/.*",
    "rm -rf ~/..",
    "rm -rf ~",
    "rm $FLAGS /",
    "chown -R $USER /",
    "chown $USER /",
    "chown -R $USER:$USER $WHERE",
    "chown -R --reference=/etc /",
    "chown --recursive app ..",
    "chmod -Rv 755 /./",
    "cp -a / /x",
    "cp -dr /. /x",
    "find / -name x",
    "find $DIR -name x",
    "/usr/bin/find -L /",
    "ls /",
    "tar -cf x.tar /",
    "tar cf x.tar $DIR",
    "grep -rn x /",
    "grep --recursive x $DIR",
    "du -sh /",
    "ls -d /.[a-z]*",
    "zip -r x.zip /",
    "find .",
    "cd / && find .",
)
DOES_NOT = (
    "rm -rf ~/.cache/pip",
    "rm -rf $HOME/.cache",
    'rm -rf "${HOME}/.cache/pip"',
    'rm -rf "$HOME"/.cache',
    "rm -rf $APP_HOME/tests",
    "rm -rf $APP_HOME",
    'rm -rf "${CACHE}"',
    "rm -rf $DIR/lib/*",
    "rm -rf ~root/.cache",
    "rm $DIR/x",
    "rm x",
    "chown -R app:app ${APP_HOME}",
    "chown -R $USER:$USER /app",
    'chown -R "$UID":"$GID" /app',
    "chmod 755 /",
    "chmod -R u+rwX,go+rX /opt/x",
    "cp x /",
    "cp -r x /opt/",
    "tar -xzf x.tgz -C /",
    "tar xf x.tgz -C /",
    "tar --extract --file=x.tgz --directory=/",
    "grep -q x /etc/passwd",
    "ls /usr/*",
    "ls /*",
    "find /usr -name x",
)


@pytest.mark.parametrize("line", WALKS)
def test_what_may_go_through_the_root(line: str) -> None:
    assert why_walked(parse_script(line), None if line == "find ." else "/app", KNOWN) is not None


@pytest.mark.parametrize("line", DOES_NOT)
def test_what_does_not(line: str) -> None:
    assert why_walked(parse_script(line), "/app", KNOWN) is None
