echo -off
echo Board image built by Platter
\EFI\BOOT\BOOTX64.EFI
