#!/bin/sh
# Draws README's picture: the session of tests/vm/picture on a booted kernel, as SVG.
#
# usage: picture.sh [FLAVOR] >tests/vm/session.svg
#
# The directory of the tools is taken from MODUTILS_BIN.
set -eu
cd "$(dirname "$0")/../.."

flavor=${1:-$(tests/vm/flavors.sh | tail -n 1)}
initramfs=target/vm/$flavor/picture.cpio
session=target/vm/$flavor/session.txt
tests/vm/initramfs.sh "$flavor" "$initramfs" tests/vm/picture
tests/vm/boot.sh "$flavor" "$initramfs" 120 "target/vm/$flavor/console-picture.log" quiet |
	tr -d '\r' >"$session"
tail -n 1 "$session" | grep -qx '\$ ' || {
	echo "picture.sh: the session did not end, see $session" >&2
	exit 1
}
awk -v columns=96 '
	function escaped(text) {
		gsub(/&/, "\\&amp;", text)
		gsub(/</, "\\&lt;", text)
		gsub(/>/, "\\&gt;", text)
		return text
	}
	function span(class, text) {
		return "<tspan class=\"" class "\">" escaped(text) "</tspan>"
	}
	# A long line goes on in the next, as on a terminal of so many columns.
	function line(class, text) {
		while (text != "") {
			lines[++count] = span(class, substr(text, 1, columns))
			text = substr(text, columns + 1)
		}
	}
	/^\$/ {
		lines[++count] = span("prompt", "$") span("command", substr($0, 2))
		next
	}
	match($0, /^  (cause|kernel|fix): /) {
		word = substr($0, 1, RLENGTH)
		rest = substr($0, RLENGTH + 1)
		room = columns - RLENGTH
		lines[++count] = span("word", word) span($1 == "fix:" ? "fix" : "text", substr(rest, 1, room))
		if (length(rest) > room)
			line("text", substr(rest, room + 1))
		next
	}
	{ line("text", $0) }
	END {
		height = 18 * count + 24
		print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 812 " height "\">"
		print "<title>A terminal session: insmod and rmmod explain their failures</title>"
		print "<style>"
		print "text { font: 13px ui-monospace, \"DejaVu Sans Mono\", Menlo, Consolas, monospace;"
		print "white-space: pre; fill: #d4d4d4 }"
		print ".prompt { fill: #6a9955 } .command { fill: #fff; font-weight: bold }"
		print ".word { fill: #569cd6 } .fix { fill: #dcdcaa }"
		print "</style>"
		print "<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#1e1e1e\"/>"
		for (i = 1; i <= count; i++)
			print "<text x=\"16\" y=\"" 12 + 18 * i "\" xml:space=\"preserve\">" lines[i] "</text>"
		print "</svg>"
	}' "$session"
