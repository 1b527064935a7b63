# Executes CNI plugins as a runtime does, inside a node: bash, which starts a process in some tenths of a millisecond, a
# tenth of what Node needs. A line of standard input is a batch: how many run at once, the folder of its calls, how many
# there are. The call N of a folder is N.sh (variables, and "plugin") and N.json (standard input); N.out is what was said,
# N.time the exit code and the microseconds it took. When all are done, the batch's microseconds are printed.
call() {
  set -a
  . "$1.sh"
  local start=${EPOCHREALTIME/./}
  "$plugin" <"$1.json" >"$1.out" 2>&1
  local code=$? end=${EPOCHREALTIME/./}
  echo "$code $((end - start))" >"$1.time"
}
while read -r at_once folder count; do
  begin=${EPOCHREALTIME/./}
  running=0
  for ((n = 0; n < count; n++)); do
    if ((running == at_once)); then wait -n; ((running--)); fi
    call "$folder/$n" &
    ((running++))
  done
  wait
  echo $((${EPOCHREALTIME/./} - begin))
done
