//! Device classes whose device files belong to a module of the class, whatever the driver is.
//!
//! From the callers of `register_chrdev`, `cdev_init`, `misc_register` and `add_disk` in Linux
//! 6.12.

/// Class, beginning of the device's name, and the module.
type Row = (&'static str, &'static str, &'static str);

const CHARACTER: &[Row] = &[
    ("bsg", "", "bsg"),
    ("cec", "", "cec"),
    ("cpuid", "", "cpuid"),
    ("drm", "", "drm"),
    ("dvb", "", "dvb_core"),
    ("hidraw", "", "hid"),
    ("i2c-dev", "", "i2c_dev"),
    ("infiniband_cm", "", "ib_ucm"),
    ("infiniband_mad", "", "ib_umad"),
    ("infiniband_verbs", "", "ib_uverbs"),
    ("ipvtap", "tap", "tap"),
    ("macvtap", "tap", "tap"),
    ("input", "event", "evdev"),
    ("input", "js", "joydev"),
    ("input", "mice", "mousedev"),
    ("input", "mouse", "mousedev"),
    ("ipmi", "", "ipmi_devintf"),
    ("lirc", "", "rc_core"),
    ("media", "", "mc"),
    ("mei", "", "mei"),
    ("msr", "", "msr"),
    ("mtd", "", "mtd"),
    ("ndctl", "", "libnvdimm"),
    ("nvme", "", "nvme_core"),
    ("nvme-generic", "", "nvme_core"),
    ("ppp", "", "ppp_generic"),
    ("pps", "", "pps_core"),
    ("ptp", "", "ptp"),
    ("rpmsg", "", "rpmsg_char"),
    ("scsi_changer", "", "ch"),
    ("scsi_generic", "", "sg"),
    ("scsi_tape", "", "st"),
    ("sound", "adsp", "snd_pcm_oss"),
    ("sound", "audio", "snd_pcm_oss"),
    ("sound", "controlC", "snd"),
    ("sound", "dsp", "snd_pcm_oss"),
    ("sound", "hwC", "snd_hwdep"),
    ("sound", "midiC", "snd_rawmidi"),
    ("sound", "mixer", "snd_mixer_oss"),
    ("sound", "pcmC", "snd_pcm"),
    ("sound", "seq", "snd_seq"),
    ("sound", "timer", "snd_timer"),
    ("sound", "comprC", "snd_compress"),
    ("spidev", "", "spidev"),
    ("tpm", "", "tpm"),
    ("tpmrm", "", "tpm"),
    ("tty", "ttyACM", "cdc_acm"),
    ("tty", "ttyGS", "u_serial"),
    ("tty", "ttyUSB", "usbserial"),
    ("tty", "rfcomm", "rfcomm"),
    ("ubi", "", "ubi"),
    ("uio", "", "uio"),
    ("usbmon", "", "usbmon"),
    ("vfio", "", "vfio"),
    ("vfio-dev", "", "vfio"),
    ("video4linux", "", "videodev"),
    ("zvol", "", "zfs"),
];

const BLOCK: &[Row] = &[
    ("block", "bcache", "bcache"),
    ("block", "dm-", "dm_mod"),
    ("block", "drbd", "drbd"),
    ("block", "fd", "floppy"),
    ("block", "loop", "loop"),
    ("block", "md", "md_mod"),
    ("block", "mmcblk", "mmc_block"),
    ("block", "mtdblock", "mtdblock"),
    ("block", "mtdblock", "mtd_blkdevs"),
    ("block", "nbd", "nbd"),
    ("block", "nullb", "null_blk"),
    ("block", "nvme", "nvme_core"),
    ("block", "pmem", "nd_pmem"),
    ("block", "ram", "brd"),
    ("block", "rbd", "rbd"),
    ("block", "rnbd", "rnbd_client"),
    ("block", "sd", "sd_mod"),
    ("block", "sr", "sr_mod"),
    ("block", "ubiblock", "ubi"),
    ("block", "vd", "virtio_blk"),
    ("block", "xvd", "xen_blkfront"),
    ("block", "zram", "zram"),
];

/// Returns whether a device of this class and name is handled by the module.
pub(super) fn handles(module: &[u8], class: &str, name: &str) -> bool {
    CHARACTER.iter().chain(BLOCK).any(|(of_class, start, handler)| {
        handler.as_bytes() == module && *of_class == class && name.starts_with(start)
    })
}

/// Returns whether a class belongs to a module.
pub(super) fn is_known(class: &str) -> bool {
    CHARACTER.iter().any(|(known, start, _)| *known == class && start.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_class_and_name() {
        assert!(handles(b"snd_pcm", "sound", "pcmC0D0p"));
        assert!(!handles(b"snd_pcm", "sound", "controlC0"));
        assert!(handles(b"nvme_core", "block", "nvme0n1p1"));
        assert!(!handles(b"nvme_core", "nvme-subsystem", "nvme-subsys0"));
    }
}
