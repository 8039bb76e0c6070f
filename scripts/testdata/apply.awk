# Prints the second file, a plugproof.toml, without the tables that the first one has, then the first one: a fix file. A plugin's table begins
# with its package.
function flush() {
	if (table != "" && !(table in fixed))
		printf "%s", text
	table = text = ""
}
FNR == 1 { table = text = "" }
/^\[/ {
	if (FNR != NR)
		flush()
	table = $0
	if (FNR == NR && table != "[[plugin]]")
		fixed[table] = 1
}
table == "[[plugin]]" && /^package/ {
	table = table $3
	gsub(/['"]/, "", table)
	if (FNR == NR)
		fixed[table] = 1
}
FNR == NR { fix = fix $0 "\n"; next }
{
	if (table == "")
		print
	else
		text = text $0 "\n"
}
END {
	flush()
	printf "\n%s", fix
}
