//! Which device a sound card is: the USB socket and the serial number, as the kernel shows them below `/sys`.

use std::path::Path;

/// The USB socket that a card is plugged into, such as `1-2.3`, and its serial number.
pub(super) fn of_card(sys: &Path, card: u32) -> (Option<String>, Option<String>) {
    // `device` leads to the interface, `.../usb1/1-2/1-2.3/1-2.3:1.0`; above it is the device.
    let Ok(interface) = sys.join(format!("class/sound/card{card}/device")).canonicalize() else {
        return (None, None);
    };
    let Some(device) = interface.parent() else { return (None, None) };
    let name = interface.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let socket = name.split_once(':').map(|(socket, _)| socket.to_owned());
    let serial = socket.as_ref().and_then(|_| std::fs::read_to_string(device.join("serial")).ok());
    let serial = serial.map(|serial| serial.trim().to_owned()).filter(|serial| !serial.is_empty());
    (socket, serial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usb_devices_have_a_socket_and_perhaps_a_serial_number() {
        let sys = tempfile::tempdir().expect("a folder");
        let card = |number: u32, device: &str| {
            let device = sys.path().join("devices").join(device);
            std::fs::create_dir_all(&device).expect("a folder");
            let card = sys.path().join(format!("class/sound/card{number}"));
            std::fs::create_dir_all(&card).expect("a folder");
            std::os::unix::fs::symlink(&device, card.join("device")).expect("a link");
            device
        };
        let device = card(0, "pci/usb1/1-2/1-2.3/1-2.3:1.0");
        std::fs::write(device.with_file_name("serial"), "A1B2\n").expect("a file");
        card(1, "pci/usb1/1-4/1-4:1.0");
        card(2, "platform/snd-virmidi.0");
        assert_eq!(of_card(sys.path(), 0), (Some("1-2.3".to_owned()), Some("A1B2".to_owned())));
        assert_eq!(of_card(sys.path(), 1), (Some("1-4".to_owned()), None));
        assert_eq!(of_card(sys.path(), 2), (None, None));
        assert_eq!(of_card(sys.path(), 3), (None, None));
    }
}
