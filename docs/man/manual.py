#!/usr/bin/env python3
"""Writes the manual: a page for each command from what --help is made of, one from docs/STORAGE.md, and those written by hand.

manual.py PROGRAM OUTPUT VERSION SECONDS: PROGRAM is a restic-gitfs, OUTPUT a folder, SECONDS the date of the pages as a
number of seconds since 1970.

The pages are mdoc(7). What --help does not say is in docs/man/sections: PAGE.TITLE.mdoc becomes the section TITLE of PAGE.
Pages written by hand, docs/man/*.[1-8], have @VERSION@ and @DATE@ for what is known only here.
"""
import json
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = "restic-gitfs"
# Of a page, in this order; those before COMMANDS are written from the dump.
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "MOUNT OPTIONS", "ENVIRONMENT", "FILES", "SIGNALS",
            "EXIT STATUS", "EXAMPLES", "SEE ALSO"]
# Headings of --help that have another name in a manual.
HEADINGS = {"EXAMPLE": "EXAMPLES", "EXIT CODES": "EXIT STATUS"}


def special(words):
    """Escaped text without characters that are not ASCII, which troff does not read in every locale."""
    words = words.replace("…", "...").replace("“", "\\(lq").replace("”", "\\(rq").replace("–", "\\(en")
    return re.sub(r"[^\x00-\x7f]", lambda match: f"\\[u{ord(match[0]):04X}]", words)


def text(words):
    """A line of running text."""
    escaped = special(words.replace("\\", "\\e").replace("~", "\\(ti").replace("^", "\\(ha"))
    escaped = re.sub(r"(?<![A-Za-z0-9])-|(?<=[A-Za-z0-9])-(?=[A-Za-z0-9]*=)", "\\\\-", escaped)
    return "\\&" + escaped if escaped[:1] in (".", "'") else escaped


def literal(lines):
    """Lines that are shown as they are."""
    shown = []
    for line in lines:
        line = line.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti")
        line = special(line).replace("`", "\\(ga").replace("'", "\\(aq").replace("^", "\\(ha")
        shown.append("\\&" + line if line[:1] in (".", "\\") else line)
    return [".Bd -literal -offset indent", *shown, ".Ed"]


def argument(name):
    """The value of an option or an argument, for .Ar."""
    return text(name).replace(" ", "\\ ")


def paragraphs(body):
    """Text of --help: indented lines are shown as they are, others are paragraphs."""
    result, block = [], []

    def flush():
        if block:
            least = min(len(line) - len(line.lstrip()) for line in block)
            result.extend(literal([line[least:] for line in block]))
            block.clear()

    for line in body:
        if line.startswith(" "):
            block.append(line)
        elif line:
            flush()
            if result and result[-1] != ".Pp":
                result.append(".Pp")
            result.extend(sentences(line))
        else:
            flush()
            if result and result[-1] != ".Pp":
                result.append(".Pp")
    flush()
    while result and result[-1] == ".Pp":
        result.pop()
    return result


def sentences(line):
    """A new sentence begins a new line, as mdoc wants it."""
    return [text(part) for part in re.split(r"(?<=[A-Za-z)`'][.!?]) (?=[A-Z`$\d-])", line.strip())]


def discussion(command):
    """The sections of a command's long help; the text before the first heading, or after a block, is the description's."""
    found, title = {}, "DESCRIPTION"
    for line in (command.get("discussion") or "").split("\n"):
        if re.fullmatch(r"[A-Z][A-Z ]+", line):
            title = HEADINGS.get(line, line)
        else:
            if title != "DESCRIPTION" and line and not line.startswith(" "):
                title = "DESCRIPTION"
                found.setdefault(title, []).append("")
            found.setdefault(title, []).append(line)
    return {title: body for title, body in found.items() if any(body)}


def exit_status(body):
    """A list of what "code  meaning" lines say."""
    result = [".Bl -tag -width 130 -compact"]
    for line in body:
        match = re.fullmatch(r"\s+(\d+)\s+(.*)", line)
        if match:
            result += [f".It {match[1]}", text(match[2])]
    return result + [".El"]


# Options whose value may be left out; --help shows that as well (ResticSpelling).
OPTIONAL_VALUES = {"watch"}


def option_head(option):
    """The .It line of an option."""
    names = sorted(option["names"], key=lambda name: name["kind"] != "short")
    value = option.get("valueName", "") if option["kind"] == "option" else ""
    heads = []
    for name in names:
        dashes = "" if name["kind"] == "short" else "-"
        head = f"Fl {dashes}{name['name']}"
        if value:
            if name["name"] in OPTIONAL_VALUES:
                head += f" Ns Oo = Ns Ar {argument(value)} Oc"
            else:
                head += f" Ar {argument(value)}" if name["kind"] == "short" else f" Ns = Ns Ar {argument(value)}"
        heads.append(head)
    return ".It " + " , ".join(heads)


def option_list(options):
    result = [".Bl -tag -width Ds"]
    for option in options:
        result += [option_head(option), *sentences(option.get("abstract", ""))]
        default = option.get("defaultValue")
        if default and "default" not in option.get("abstract", ""):
            result.append(f"The default is {text(default)}.")
        if option["isRepeating"] and "more than once" not in option.get("abstract", "") and option["kind"] == "option":
            result.append("May be given more than once.")
    return result + [".El"]


def options_section(command):
    shown = [a for a in command["arguments"] if a.get("shouldDisplay") and a["kind"] != "positional"]
    groups = {}
    for option in shown:
        groups.setdefault(option.get("sectionTitle"), []).append(option)
    result = option_list(groups.pop(None, []))
    for title, options in groups.items():
        result += [f".Ss {title}", *option_list(options)]
    return result


def synopsis(command, name):
    words = command["commandName"] if name != PROGRAM else ""
    result = [f".Nm {PROGRAM}", *([f".Cm {words}"] if words else [])]
    if any(a.get("shouldDisplay") and a["kind"] != "positional" for a in command["arguments"]):
        result.append(".Op Ar options")
    for positional in (a for a in command["arguments"] if a["kind"] == "positional" and a.get("shouldDisplay")):
        ar = f"Ar {argument(positional['valueName'])}"
        result.append(f".Op {ar}" if positional["isOptional"] else f".{ar}")
    if command.get("subcommands"):
        result += [".Ar command", ".Op Ar argument ..."]
    return result


def page(command, commands, version, date):
    """The page of a command, or of the program."""
    is_program = command["commandName"] == PROGRAM
    name = PROGRAM if is_program else f"{PROGRAM}-{command['commandName']}"
    found = discussion(command)
    sections = {
        "NAME": [f".Nm {name}", f".Nd {text(command['abstract'].rstrip('.')[:1].lower() + command['abstract'].rstrip('.')[1:])}"],
        "SYNOPSIS": synopsis(command, name),
        "DESCRIPTION": paragraphs(found.pop("DESCRIPTION", [])) or sentences(command["abstract"]),
        "OPTIONS": options_section(command),
    }
    if is_program:
        sections["COMMANDS"] = [".Bl -tag -width Ds"]
        for sub in commands:
            sections["COMMANDS"] += [f".It Xr {PROGRAM}-{sub['commandName']} 1", *sentences(sub["abstract"])]
        sections["COMMANDS"].append(".El")
        sections["EXIT STATUS"] = exit_status(found.pop("EXIT STATUS", []))
    else:
        sections["EXIT STATUS"] = ["0, or one of the codes in", f".Xr {PROGRAM} 1 ."]
    for title, body in found.items():
        sections[title] = paragraphs(body)
    for file in sorted((HERE / "sections").glob(f"{name}.*.mdoc")):
        sections.setdefault(file.name.split(".")[-2].replace("_", " "), []).extend(file.read_text().rstrip("\n").split("\n"))
    others = [] if is_program else [(PROGRAM, 1)]
    if is_program or command["commandName"] == "mount":
        others += [("git-remote-restic", 1)] + ([] if is_program else [("restic-gitfs-umount", 1)])
    others += [(f"{PROGRAM}-storage", 7)]
    if is_program or command["commandName"] == "mount":
        others += [("mount.restic-gitfs", 8)]
    sections["SEE ALSO"] = [f".Xr {title} {number} ," for title, number in sorted(others, key=lambda o: (o[1], o[0]))]
    sections["SEE ALSO"][-1] = sections["SEE ALSO"][-1].replace(" ,", "")
    order = SECTIONS + [title for title in sections if title not in SECTIONS]
    lines = head(name, 1, version, date)
    for title in order:
        if sections.get(title):
            lines += [f".Sh {title}", *sections[title]]
    return name, lines


def head(name, section, version, date):
    return [f".Dd {date}", f".Dt {name.upper()} {section}", f'.Os "ResticGitFS {version}"', ".nh"]


# docs/STORAGE.md

def inline(words):
    """A line of Markdown as text: bold and code are set off, of a link the words are left."""
    words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", words)
    words = re.sub(r"<(https?://[^>]*)>", r"\1", words)
    parts = re.split(r"(`[^`]+`|\*\*[^*]+\*\*)", words)
    result = ""
    for part in parts:
        if part.startswith("`"):
            result += "\\fB" + text(part[1:-1]).replace("\\&", "", 1).replace("-", "\\-").replace("\\\\-", "\\-") + "\\fP"
        elif part.startswith("**"):
            result += "\\fB" + text(part[2:-2]) + "\\fP"
        else:
            result += text(part) if part else ""
    return "\\&" + result if result[:1] in (".", "'") else result


def inline_sentences(words):
    return [inline(part) for part in re.split(r"(?<=[a-z0-9)`*][.!?]) (?=[A-Z`*])", words)]


def cells(row):
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def markdown(source):
    """The sections of a page, from Markdown as docs/STORAGE.md uses it."""
    result, lines, index = [], source.split("\n"), 0
    fresh = True

    def begin():
        nonlocal fresh
        if not fresh:
            result.append(".Pp")
        fresh = False

    while index < len(lines):
        line = lines[index]
        if not line.strip():
            index += 1
        elif line.startswith("#"):
            title = line.lstrip("#").strip()
            if line.startswith("## "):
                result += [f".Sh {title.upper()}"]
            elif line.startswith("# "):
                result += [".Sh DESCRIPTION"]
            else:
                result += [f".Ss {title}"]
            fresh, index = True, index + 1
        elif line.startswith("    "):
            block = []
            while index < len(lines) and (lines[index].startswith("    ") or not lines[index].strip()):
                block.append(lines[index][4:])
                index += 1
            while block and not block[-1].strip():
                block.pop()
            fresh = False
            result += literal(block)
        elif line.startswith("|"):
            rows = []
            while index < len(lines) and lines[index].startswith("|"):
                rows.append(cells(lines[index]))
                index += 1
            fresh = False
            result.append(".Bl -tag -width Ds")
            for row in rows[2:]:
                result += [f".It {inline(row[0])}", *[part for cell in row[1:] for part in inline_sentences(cell)]]
            result.append(".El")
        elif re.match(r"(\d+\.|-) ", line):
            fresh = False
            result.append(".Bl -enum" if line[0].isdigit() else ".Bl -bullet")
            while index < len(lines) and re.match(r"(\d+\.|-|  +) *\S", lines[index]):
                item = re.match(r"(\d+\.|-) (.*)", lines[index])
                result += [".It", *inline_sentences(item[2])] if item else inline_sentences(lines[index].strip())
                index += 1
            result.append(".El")
        else:
            begin()
            words = []
            while index < len(lines) and lines[index].strip() and not re.match(r"[#|]|    |- |\d+\. ", lines[index]):
                words.append(lines[index].strip())
                index += 1
            result += inline_sentences(" ".join(words))
    return result


def storage_page(version, date):
    body = markdown((HERE.parent / "STORAGE.md").read_text())
    return [*head(f"{PROGRAM}-storage", 7, version, date), ".Sh NAME", f".Nm {PROGRAM}-storage",
            ".Nd where a repository can be", *body, ".Sh SEE ALSO", ".Xr git-remote-restic 1 ,", f".Xr {PROGRAM} 1 ,",
            f".Xr {PROGRAM}-mount 1 ,", ".Xr mount.restic-gitfs 8"]


def main():
    program, output, version, seconds = sys.argv[1:]
    output = pathlib.Path(output)
    moment = time.gmtime(int(seconds))
    date = time.strftime("%B ", moment) + f"{moment.tm_mday}, {moment.tm_year}"
    dump = json.loads(subprocess.run([program, "--experimental-dump-help"], check=True, capture_output=True).stdout)
    root = dump["command"]
    # `help` says of itself what it is.
    commands = [c for c in root["subcommands"] if c.get("shouldDisplay") and c["commandName"] != "help"]
    pages = {f"{name}.1": lines for name, lines in (page(c, commands, version, date) for c in [root, *commands])}
    pages[f"{PROGRAM}-storage.7"] = storage_page(version, date)
    for file in sorted(HERE.glob("*.[1-8]")):
        pages[file.name] = file.read_text().replace("@VERSION@", version).replace("@DATE@", date).rstrip("\n").split("\n")
    for name, lines in pages.items():
        folder = output / f"man{name[-1]}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("\n".join(lines) + "\n")


main()
