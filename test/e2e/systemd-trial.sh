# Runs inside the booted system of systemd.test.ts, as root; writes what it sees, step by step.
show() {
  echo "rc=$2"
  systemctl show trunkd.service -p ActiveState -p SubState -p MainPID -p NRestarts -p StatusText \
    -p Result -p ExecMainStatus
}
main_pid() { systemctl show trunkd.service -p MainPID --value; }
# until SECONDS COMMAND...: polls, never longer than that.
until_true() {
  tries=$(($1 * 5))
  shift
  while [ "$tries" -gt 0 ]; do
    "$@" && return 0
    sleep 0.2
    tries=$((tries - 1))
  done
  return 1
}
restarted() {
  [ "$(systemctl show trunkd.service -p NRestarts --value)" = "$1" ] && systemctl -q is-active trunkd.service
}
madrid_is_now() { /usr/lib/trunkd/node_modules/.bin/node -e '
  fetch("http://127.0.0.1:9077/v1/peer-servers").then((answer) => answer.json())
    .then(({ items }) => process.exit(items.some(({ name }) => name === process.argv[1]) ? 0 : 1), () => process.exit(1))
' "$1"; }

ln -s /usr/lib/trunkd/bin/trunkd /usr/bin/trunkd
systemd-sysusers
chown -R root:trunkd /etc/trunkd
chmod 750 /etc/trunkd
systemctl daemon-reload

systemctl start trunkd.service
rc=$?
echo "== start"
show start $rc

echo "== process"
pid=$(main_pid)
echo "User=$(stat -c %U "/proc/$pid")"
grep -E '^(CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' "/proc/$pid/status" | tr -d '[:blank:]' | tr : =

sed -i 's/name: madrid/name: seville/' /etc/trunkd/trunkd.yaml
systemctl reload trunkd.service
rc=$?
until_true 15 madrid_is_now seville && applied=yes || applied=no
until_true 5 systemctl -q is-active trunkd.service
echo "== reload"
echo "applied=$applied"
show reload $rc

kill -STOP "$(main_pid)"
until_true 30 restarted 1
echo "== watchdog"
show watchdog 0

kill -KILL "$(main_pid)"
until_true 15 restarted 2
echo "== killed"
show killed 0

began=$(date +%s)
systemctl stop trunkd.service
rc=$?
echo "== stop"
echo "seconds=$(($(date +%s) - began))"
show stop $rc

systemctl reset-failed trunkd.service
echo 'unknownKey: 1' >> /etc/trunkd/trunkd.yaml
systemctl start trunkd.service
sleep 4
echo "== broken"
show broken 0

echo "== journal"
journalctl --no-pager -o cat -u trunkd.service
