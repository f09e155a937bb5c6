#!/bin/sh
# Installs the named packages and leaves no index or archive behind.
set -eu
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # APT_OPTIONS is a list of words
apt-get ${APT_OPTIONS:-} update
# shellcheck disable=SC2086
apt-get ${APT_OPTIONS:-} install --yes --no-install-recommends "$@"
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
