using System.Buffers.Binary;

namespace Platter.FileSystems;

/// <summary>The program in the boot sector of a PC volume (FAT, exFAT, NTFS) without a system: it says so and starts again.</summary>
internal static class BootCode
{
    // The BIOS loads the sector here.
    private const int LoadAddress = 0x7C00;

    private const int MessageOperand = 6;

    private static ReadOnlySpan<byte> Program =>
    [
        0x31, 0xC0,             // 00  xor ax, ax
        0x8E, 0xD8,             // 02  mov ds, ax
        0xFC,                   // 04  cld
        0xBE, 0x00, 0x00,       // 05  mov si, message
        0xAC,                   // 08  next: lodsb
        0x08, 0xC0,             // 09  or al, al
        0x74, 0x09,             // 0B  jz done
        0xB4, 0x0E,             // 0D  mov ah, 0Eh        ; write a character
        0xBB, 0x07, 0x00,       // 0F  mov bx, 7
        0xCD, 0x10,             // 12  int 10h
        0xEB, 0xF2,             // 14  jmp next
        0x31, 0xC0,             // 16  done: xor ax, ax
        0xCD, 0x16,             // 18  int 16h            ; wait for a key
        0xCD, 0x19,             // 1A  int 19h            ; start again
        0xF4,                   // 1C  stop: hlt
        0xEB, 0xFD,             // 1D  jmp stop
    ];

    private static ReadOnlySpan<byte> Message => "There is no operating system on this volume.\r\nPress a key to start again.\r\n\0"u8;

    /// <summary>Writes the jump, the program, its message and the signature into a boot sector.</summary>
    /// <param name="sector">The sector, 512 bytes.</param>
    /// <param name="offset">Where the program goes: behind the parameter block, at most 0x81.</param>
    public static void Write(Span<byte> sector, int offset)
    {
        sector[0] = 0xEB;
        sector[1] = (byte)(offset - 2);
        sector[2] = 0x90;
        Program.CopyTo(sector[offset..]);
        BinaryPrimitives.WriteUInt16LittleEndian(sector[(offset + MessageOperand)..], (ushort)(LoadAddress + offset + Program.Length));
        Message.CopyTo(sector[(offset + Program.Length)..]);
        sector[0x1FE] = 0x55;
        sector[0x1FF] = 0xAA;
    }
}
