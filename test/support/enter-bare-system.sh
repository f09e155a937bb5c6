# Runs a command in a root file system of its own, as an ordinary user with nothing of the surrounding environment.
# Called by bare-system.mjs as root, in new namespaces:
#   sh enter-bare-system.sh ROOT NPM_CACHE HOME_FOLDER WORKING_FOLDER [NAME=VALUE …] COMMAND [ARGUMENT …]
# By pivot_root instead of chroot: from within a chroot no user namespace can be made, and bubblewrap needs one.
set -eu
root=$1 npm_cache=$2 home=$3 folder=$4
shift 4
mount --bind "$root" "$root"
mount --bind "$npm_cache" "$root$home/.npm"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do
  : > "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mkdir -p "$root/.outside"
cd "$root"
pivot_root . .outside
umount -l /.outside
hostname box
# The shell stays as process 1, which signals do not end by default.
setpriv --reuid=1000 --regid=1000 --clear-groups \
  env -i --chdir="$folder" HOME="$home" USER=ada LOGNAME=ada LANG=C.UTF-8 TERM=xterm-256color \
  PATH=/usr/local/bin:/usr/bin:/bin "$@"
