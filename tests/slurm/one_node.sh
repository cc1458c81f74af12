#!/usr/bin/env bash
# A Slurm of one node on this machine, without accounting, systemd and privileges.
#
#     one_node.sh start FOLDER    begins it; its programs then find it by SLURM_CONF=FOLDER/slurm.conf
#     one_node.sh stop FOLDER     ends its jobs and its processes, and removes the folder
#
# It runs as the user who starts it, listens on the loopback interface alone, and keeps all of its files in
# FOLDER, which must not exist yet. Its node has two processors and 16 GB, whatever the machine has.
set -Eeuo pipefail
verb=${1:?start or stop}
folder=$(realpath -m "${2:?a folder}")
PATH=$PATH:/usr/sbin:/sbin
export SLURM_CONF=$folder/slurm.conf

free_ports() {
    python3 -c '
import socket
opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(each.getsockname()[1] for each in opened))'
}

configuration() {
    local node=$1 controller_port=$2 node_port=$3 user
    user=$(id -un)
    cat <<END
ClusterName=nnrep
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$controller_port
SlurmdPort=$node_port
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CryptoType=crypto/munge
SlurmUser=$user
SlurmdUser=$user
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1
ReturnToService=2
KillWait=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=2 RealMemory=16000 State=UNKNOWN
PartitionName=main Nodes=$node Default=YES MaxTime=INFINITE State=UP
END
}

start() {
    if [ -e "$folder" ]; then
        echo "one_node.sh: $folder is there already" >&2
        exit 2
    fi
    trap give_up ERR
    mkdir -m 700 -p "$folder"
    mkdir "$folder/state" "$folder/spool"
    local node ports
    node=$(hostname -s)
    read -ra ports < <(free_ports)
    configuration "$node" "${ports[@]}" >"$SLURM_CONF"
    # Newer ones would have control groups, which need privileges.
    [ "$(slurmd -V | grep -o '[0-9]*' | head -n 1)" -lt 24 ] || echo CgroupPlugin=disabled >"$folder/cgroup.conf"
    (umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
    # --force: a private folder is not one that munged expects its socket in.
    munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
        --log-file="$folder/munged.log" --seed-file="$folder/munge.seed" --num-threads=1 2>/dev/null
    slurmctld -f "$SLURM_CONF"
    slurmd -f "$SLURM_CONF" -N "$node"
    for _ in $(seq 100); do
        [ "$(sinfo -h -o %T 2>/dev/null)" != idle ] || return 0
        sleep 0.2
    done
    return 1
}

give_up() {
    echo "one_node.sh: Slurm does not begin:" >&2
    tail -n 20 "$folder"/*.log >&2
    stop
    exit 1
}

stop() {
    if [ ! -e "$folder" ]; then
        return
    fi
    trap - ERR
    local file id ids=()
    timeout 10 scancel --quiet --signal=KILL --full --user="$(id -un)" 2>/dev/null || true
    timeout 10 scancel --quiet --user="$(id -un)" 2>/dev/null || true
    for _ in $(seq 50); do
        [ -n "$(timeout 10 squeue -h 2>/dev/null)" ] || break
        sleep 0.2
    done
    for file in "$folder"/{slurmd,slurmctld,munged}.pid; do
        id=$(cat "$file" 2>/dev/null) || continue
        kill "$id" 2>/dev/null && ids+=("$id")
    done
    for id in "${ids[@]}"; do
        for _ in $(seq 100); do
            kill -0 "$id" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$id" 2>/dev/null || true
    done
    rm -rf "$folder"
}

case $verb in
start | stop) "$verb" ;;
*) echo "one_node.sh: start or stop, not $verb" >&2 && exit 2 ;;
esac
