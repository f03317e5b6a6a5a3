"""Completion of osb's command lines in real shells."""
import shutil
import subprocess

import pytest
from test_osb import OnTerminal, box, osb  # noqa: F401  (fixtures)


def needs(shell):
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"no {shell} (./dev setup installs it)")


@pytest.fixture
def things(osb):  # noqa: F811
    """The home directory of the test with things to complete."""
    (osb.home / "notes.txt").write_text("x")
    (osb.home / "folder").mkdir()
    return osb


def test_bash(osb, box):  # noqa: F811
    script = """source <(osb completion bash)
COMP_WORDS=(osb sandbox get "$1"); COMP_CWORD=3; _osb; echo "${COMPREPLY[@]}"
COMP_WORDS=(osb sandbox cr); COMP_CWORD=2; _osb; echo "${COMPREPLY[@]}" """
    done = subprocess.run(["bash", "-c", script, "bash", box[:4]], env=osb.env, capture_output=True, text=True, timeout=20)
    assert done.stdout == f"{box}\ncreate\n", done


def by_fish(osb, line):  # noqa: F811
    """What fish offers for the line, by word."""
    script = 'source (osb completion fish | psub); complete -C "$argv[1]"'
    done = subprocess.run(["fish", "--no-config", "-c", script, line], env=osb.env, cwd=osb.home, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done
    return dict(line.partition("\t")[::2] for line in done.stdout.splitlines())


@needs("fish")
def test_fish(things, box):  # noqa: F811
    assert by_fish(things, "osb sandbox cr") == {"create": "Make a sandbox and wait until it answers"}
    assert set(by_fish(things, f"osb sandbox get {box[:4]}")) == {box}
    assert set(by_fish(things, f"osb sandbox get {box} -o ")) == {"table", "json", "yaml"}
    assert set(by_fish(things, "osb completion ")) == {"bash", "zsh", "fish"}
    assert "--image" in by_fish(things, "osb sandbox create --im")
    assert {"notes.txt", "folder/"} <= set(by_fish(things, f"osb file upload {box} "))
    assert by_fish(things, "osb no-such-command ") == {}


class Zsh:
    """An interactive zsh that knows osb. `line()` types and gives what stands on the line then."""

    def __init__(self, osb, learn):  # noqa: F811
        self.terminal = OnTerminal(osb, "-f", "-i", size=(50, 200), program=shutil.which("zsh"))
        for command in ("PS1='ready> '", "unsetopt zle_bracketed_paste; LISTMAX=1000", learn,
                        "show() { print -r -- \"<${BUFFER}>\" }; zle -N show; bindkey '^O' show; bindkey '^I' complete-word", "print set-''up"):
            self.terminal.type(command + "\n")
        self.terminal.expect("set-up\r\n")
        self.terminal.expect("ready> ")

    def line(self, typed):
        self.terminal.type("\x15" + typed + "\t\x0f")
        self.terminal.expect("<")
        end = self.terminal
        while ">" not in end.printed:
            end.printed += (end.read(20) or b"").decode(errors="replace")
        line, _, end.printed = end.printed.partition(">")
        return line

    def end(self):
        self.terminal.type("\x15exit 0\n")
        assert self.terminal.exit_code() == 0


SOURCED = "autoload -Uz compinit; compinit -u -d .zcompdump; source <(osb completion zsh)"
INSTALLED = "mkdir functions; osb completion zsh > functions/_osb; fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -u -d .zcompdump"


@needs("zsh")
@pytest.mark.parametrize("learn", [SOURCED, INSTALLED], ids=["sourced", "installed"])
def test_zsh(things, box, learn):  # noqa: F811
    zsh = Zsh(things, learn)
    assert zsh.line("osb sandbox cr") == "osb sandbox create "
    assert zsh.line(f"osb sandbox get {box[:4]}") == f"osb sandbox get {box} "
    assert zsh.line("osb sandbox create --image-auth-u") == "osb sandbox create --image-auth-username "
    assert zsh.line(f"osb sandbox get {box} -o j") == f"osb sandbox get {box} -o json "
    assert zsh.line("osb completion z") == "osb completion zsh "
    assert zsh.line(f"osb file upload {box} no") == f"osb file upload {box} notes.txt "
    assert zsh.line(f"osb file upload {box} fol") == f"osb file upload {box} folder/"
    assert zsh.line("osb no-such-com") == "osb no-such-com"
    zsh.end()
