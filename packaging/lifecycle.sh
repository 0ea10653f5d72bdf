#!/bin/sh
# The life of the package on a Debian: install, start, write, upgrade, disable,
# remove, install again, purge. It runs in namespaces of its own, in a copy of this
# machine's system that lasts as long as it (overlayfs over tmpfs): nothing of the
# machine changes. Usage, by package_test.go:
#
#   unshare --mount --pid --fork --kill-child sh lifecycle.sh DIR PORT
#
# DIR has 1/ and 2/, each with one .deb, and an empty folder root/.

set -eu
if [ "${1:-}" != inside ]; then
	dir=$1 port=$2
	mount --make-rprivate /
	mount -t tmpfs -o size=600m tmpfs "$dir/root"
	mkdir "$dir/root/upper" "$dir/root/work" "$dir/root/all"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/root/upper,workdir=$dir/root/work" "$dir/root/all"
	all=$dir/root/all
	mount -t proc proc "$all/proc"
	mount --rbind /dev "$all/dev"
	mkdir "$all/packages"
	cp -R "$dir/1" "$dir/2" "$all/packages/"
	cp "$0" "$all/packages/lifecycle.sh"
	exec chroot "$all" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
		TARN_HTTP_BIND="127.0.0.1:$port" TARN_HOST="http://127.0.0.1:$port" sh /packages/lifecycle.sh inside
fi

exec </dev/null # whoever asks a question gets no answer
token=/etc/tarn/admin-token.json
unit=/usr/lib/systemd/system/tarn.service
link=/etc/systemd/system/multi-user.target.wants/tarn.service

fail() {
	echo "FAILED: $*"
	exit 1
}
say() { echo "== $*"; }

start() {
	# As the unit does it: its command, its user.
	# shellcheck disable=SC2046
	setpriv --reuid tarn --regid tarn --clear-groups $(sed -n 's/^ExecStart=//p' $unit) >/packages/log 2>&1 &
	server=$!
	TARN_TOKEN=$(sed -n 's/.*"token": "\(.*\)".*/\1/p' $token)
	export TARN_TOKEN
	until tarn ping >/dev/null 2>&1; do
		kill -0 $server 2>/dev/null || {
			cat /packages/log
			fail "the server ended"
		}
		sleep 0.1
	done
}

stop() {
	kill $server
	wait $server || fail "the server ended with $?"
}

# holds checks that the row written at first is there.
holds() {
	start
	tarn query -d home --format csv 'SELECT room, temp FROM home' | grep -qx 'kitchen,21.5' || fail "the row is not there"
	stop
}

enabled() { [ -L $link ]; }

say "install"
dpkg -i /packages/1/*.deb
getent passwd tarn >/dev/null || fail "no user tarn"
[ "$(stat -c '%U %a' $token)" = "tarn 400" ] || fail "the token is $(stat -c '%U %a' $token)"
[ "$(stat -c '%U %a' /var/lib/tarn)" = "tarn 700" ] || fail "the data directory is $(stat -c '%U %a' /var/lib/tarn)"
enabled || fail "the unit is not enabled"
if command -v systemd-analyze >/dev/null; then
	out=$(systemd-analyze verify --man=no $unit 2>&1 | grep -i tarn || true)
	[ -z "$out" ] || fail "systemd-analyze verify: $out"
fi
dpkg --verify tarn || fail "files differ from the package's"

say "start and write"
start
tarn write -d home 'home,room=kitchen temp=21.5'
stop
holds

say "upgrade, with settings changed"
echo '# ours' >>/etc/tarn/tarn.toml
before=$(sha256sum $token)
dpkg -i /packages/2/*.deb
[ "$before" = "$(sha256sum $token)" ] || fail "the token changed"
tail -n 1 /etc/tarn/tarn.toml | grep -qx '# ours' || fail "the settings changed"
enabled || fail "the unit is not enabled any more"
holds

say "rollback, with the unit disabled"
systemctl disable tarn.service
dpkg -i /packages/1/*.deb
enabled && fail "the unit is enabled again"
holds

say "remove"
dpkg -r tarn
[ ! -e /usr/bin/tarn ] && [ ! -e $unit ] || fail "files stay"
[ -e $token ] && [ -e /etc/tarn/tarn.toml ] && [ -n "$(ls -A /var/lib/tarn)" ] || fail "settings, token or data went away"

say "install again"
dpkg -i /packages/2/*.deb
[ "$before" = "$(sha256sum $token)" ] || fail "the token changed"
holds

say "purge"
dpkg -P tarn
for left in /etc/tarn /var/lib/tarn /usr/bin/tarn $unit $link /usr/share/doc/tarn /etc/systemd/system/tarn.service; do
	[ ! -e $left ] && [ ! -L $left ] || fail "$left stays: $(ls -la $left)"
done
[ "$(dpkg-query -W -f '${Status}' tarn 2>/dev/null || true)" = "" ] || fail "dpkg still knows it: $(dpkg-query -W -f '${Status}' tarn)"
find / -xdev -name '*tarn*' -newer /packages/lifecycle.sh -not -path '/packages/*' -not -path '/proc/*' -not -path '/tmp/*' -not -path '/work/*' 2>/dev/null | sed 's/^/left: /'
say "done"
