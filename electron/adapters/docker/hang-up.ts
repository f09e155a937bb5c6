/**
 * Functions of a POSIX shell in the container. `hang_up NAME=VALUE` hangs up, as a closed window would, each shell
 * that was started with this entry in its environment, and kills it after three seconds. What such a shell started
 * has the entry too, but another parent than the 0 of a process that came from outside the container: children that
 * asked to survive a hang-up (nohup, setsid, tmux) do.
 */
export const hangUpFunctions = `
find_shells() {
  for directory in /proc/[0-9]*; do
    tr '\\0' '\\n' < "$directory/environ" | grep -qxF -- "$1" || continue
    grep -q '^PPid:[^0-9]*0$' "$directory/status" && echo "\${directory#/proc/}"
  done 2>/dev/null
}
alive() {
  for pid; do
    kill -0 "$pid" 2>/dev/null && echo "$pid"
  done
}
hang_up() {
  shells=$(find_shells "$1")
  for attempt in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    [ -n "$shells" ] || return 0
    [ "$attempt" = 0 ] && kill -HUP $shells 2>/dev/null
    sleep 0.2
    shells=$(alive $shells)
  done
  [ -n "$shells" ] && kill -KILL $shells 2>/dev/null
  return 0
}
`;
export const hangUpGraceMs = 3_200;
