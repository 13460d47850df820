# Sourced by the tests of a program, once what they read by relative paths is known: a folder of their own, and `fail`,
# which counts. They leave the program's output in the files out and err.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
  echo "FAILED: $*" >&2
  head -n 5 out err >&2
  failures=$((failures + 1))
}
