"""File systems in a file, mounted through a loop device: what a test does to them stays there."""
import os
import subprocess
import time

from broker import fresh_directory

os.environ["PATH"] += ":/usr/sbin:/sbin"


class Disk:
    """A file system in `work`; on the given device, or in a sparse file of `size`."""

    def __init__(self, work, kind="ext4", size="4G", device=None, options=()):
        self.device, self.options = device, []
        if device is None:
            self.options = ["-o", "loop"]
            self.device = work / "disk.img"
            command("truncate", "-s", size, self.device)
        self.mount_point = work / "mount"
        self.mount_point.mkdir()
        command(f"mkfs.{kind}", "-q", *options, self.device)
        self.mount()
        self.directory = self.mount_point / "data"

    def mount(self):
        command("mount", *self.options, self.device, self.mount_point)

    def unmount(self):
        for _ in range(100):
            if subprocess.run(["umount", self.mount_point], capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        command("umount", self.mount_point)

    def free_bytes(self):
        found = os.statvfs(self.mount_point)
        return found.f_bavail * found.f_bsize


def command(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def missing():
    """Why no loop-mounted file system is to be had here, or None."""
    if os.geteuid() != 0:
        return "mounting needs root"
    try:
        Disk(fresh_directory("disk-probe"), size="16M").unmount()
        return None
    except (RuntimeError, OSError) as failure:
        return str(failure)
