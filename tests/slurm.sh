#!/usr/bin/env bash
# A real Slurm on loopback, for tests: no systemd, no accounting, two nodes that are one machine.
#   slurm.sh install   Debian packages (root)
#   slurm.sh up        munged, slurmctld and two slurmd; waits until both nodes are idle
#   slurm.sh start NAME, slurm.sh stop NAME [SIGNAL]   one of munged, slurmctld, cpu1, gpu1
#   slurm.sh down      stops what `up` started, by process id
# Node cpu1 is the partition cpu; node gpu1, with two cards that are not there, the partition gpu. Both claim 16 CPUs and
# 128 GB, whatever the machine has, so that a profile for a real cluster needs no edit.
set -euo pipefail
unset SLURM_CONF

DIR=${ORRERY_SLURM_DIR:-/tmp/orrery-slurm}
PORT=${ORRERY_SLURM_PORT:-16817}
HOST=$(hostname -s)
CONF=/etc/slurm/slurm.conf # the job step drops SLURM_CONF, so that no other place is found
MARK="# written by Orrery's tests"
DAEMONS="gpu1 cpu1 slurmctld munged"

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge
  # Without accounting sacct can only fail, and the plugin goes to it wherever it is and slurmctld is slow, and hangs.
  [ -e /usr/bin/sacct.diverted ] ||
    dpkg-divert --local --rename --divert /usr/bin/sacct.diverted --add /usr/bin/sacct
}

configure() {
  if [ -e "$CONF" ] && ! grep -q "^$MARK" "$CONF"; then
    echo "$CONF is of another Slurm: not touched" >&2
    return 1
  fi
  # Daemons bind to what the host's name is resolved to.
  case "$(getent ahostsv4 "$HOST" | awk 'NR == 1 {print $1}')" in
    127.*) ;;
    *) printf '127.0.0.1 %s\n%s\n' "$HOST" "$(cat /etc/hosts)" > /etc/hosts ;;
  esac
  mkdir -p /etc/slurm "$DIR"/{state,log,run,spool.cpu1,spool.gpu1}
  chmod 755 "$DIR" "$DIR"/*
  for card in 0 1; do ln -sfn /dev/null "$DIR/run/card$card"; done
  cat > "$CONF" << EOF
$MARK
ClusterName=orrery
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=$PORT
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$DIR/run/munge.socket
CryptoType=crypto/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
EnforcePartLimits=ALL
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
MinJobAge=3600
KillWait=2
InactiveLimit=0
Waittime=0
ReturnToService=2
SlurmctldTimeout=300
SlurmdTimeout=${ORRERY_SLURMD_TIMEOUT:-300}
MessageTimeout=30
BatchStartTimeout=30
PropagateResourceLimits=NONE
MailProg=/bin/true
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/spool.%n
SlurmctldPidFile=$DIR/run/slurmctld.pid
SlurmdPidFile=$DIR/run/slurmd.%n.pid
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd.%n.log
SlurmctldDebug=info
SlurmdDebug=info
GresTypes=gpu
NodeName=cpu1 NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((PORT + 1)) CPUs=16 Boards=1 SocketsPerBoard=1 CoresPerSocket=16 ThreadsPerCore=1 RealMemory=128000 State=UNKNOWN
NodeName=gpu1 NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((PORT + 2)) CPUs=16 Boards=1 SocketsPerBoard=1 CoresPerSocket=16 ThreadsPerCore=1 RealMemory=128000 Gres=gpu:2 State=UNKNOWN
PartitionName=cpu Nodes=cpu1 Default=YES MaxTime=INFINITE DefaultTime=10 DefMemPerCPU=500 State=UP
PartitionName=gpu Nodes=gpu1 Default=NO MaxTime=INFINITE DefaultTime=10 DefMemPerCPU=500 State=UP
EOF
  echo "NodeName=gpu1 Name=gpu File=$DIR/run/card[0-1]" > /etc/slurm/gres.conf
  rm -f /etc/slurm/cgroup.conf
  [ -s "$DIR/run/munge.key" ] || (umask 077 && head -c 128 /dev/urandom > "$DIR/run/munge.key")
}

alive() { [ -s "$DIR/run/$1.id" ] && kill -0 "$(cat "$DIR/run/$1.id")" 2> /dev/null; }

start() {
  local command
  case "$1" in
    munged) command="munged --foreground --force --num-threads=2 --socket=$DIR/run/munge.socket --key-file=$DIR/run/munge.key
      --pid-file=$DIR/run/munged.pid --seed-file=$DIR/run/munged.seed --log-file=$DIR/log/munged.log" ;;
    slurmctld) command="slurmctld -D ${2:-} -f $CONF" ;;
    *) command="slurmd -D -N $1 -f $CONF" ;;
  esac
  if alive "$1"; then return; fi
  # shellcheck disable=SC2086
  PATH=$PATH:/usr/sbin setsid $command < /dev/null >> "$DIR/log/$1.out" 2>&1 &
  echo $! > "$DIR/run/$1.id"
}

stop() {
  alive "$1" || return 0
  kill -"${2:-TERM}" "$(cat "$DIR/run/$1.id")"
  for _ in $(seq 100); do
    alive "$1" || return 0
    sleep 0.1
  done
  kill -KILL "$(cat "$DIR/run/$1.id")"
}

until_true() { # seconds, command
  local _
  for _ in $(seq $((10 * $1))); do
    if eval "$2" > /dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  echo "Slurm is not up; see $DIR/log" >&2
  return 1
}

up() {
  configure
  start munged
  until_true 5 "munge -n -S $DIR/run/munge.socket"
  start slurmctld -c # forgets jobs and drained nodes of an earlier run
  until_true 10 "scontrol ping | grep -q 'is UP'"
  start cpu1
  start gpu1
  until_true 20 "[ \"\$(sinfo -h -N -o %T | sort -u)\" = idle ]"
}

down() {
  if alive slurmctld; then
    scancel -u "$(id -un)" 2> /dev/null || true
    until_true 5 '[ -z "$(squeue -h)" ]' 2> /dev/null || true
  fi
  for name in $DAEMONS; do
    stop "$name"
    rm -f "$DIR/run/$name.id"
  done
  # With a configuration and no daemon, each start of Snakemake waits ten seconds for an answer of scontrol.
  if grep -qs "^$MARK" "$CONF"; then rm -f "$CONF" /etc/slurm/gres.conf; fi
}

case "${1:-}" in
  install) install_packages ;;
  up) up ;;
  down) down ;;
  start) start "$2" "${3:-}" ;;
  stop) stop "$2" "${3:-TERM}" ;;
  *) sed -n 2,8p "$0" && exit 2 ;;
esac
