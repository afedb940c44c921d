using System.Runtime.CompilerServices;

namespace Platter.Primitives;

// A GUID as a field on disk. C12A7328-F81F-11D2-BA4B-00A0C93EC93B is stored
//   mixed (GPT, VHDX, NTFS, exFAT): 28 73 2A C1  1F F8  D2 11  BA 4B 00 A0 C9 3E C9 3B   the first three parts little-endian
//   big-endian (ext, btrfs, VHD):   C1 2A 73 28  F8 1F  11 D2  BA 4B 00 A0 C9 3E C9 3B   RFC 9562, section 4

/// <summary>A GUID of 16 bytes whose first three parts are little-endian, as Microsoft and UEFI store it.</summary>
[InlineArray(16)]
public struct MixedGuid
{
    private byte _first;
    public static implicit operator Guid(in MixedGuid f) => new(f);
    public static implicit operator MixedGuid(Guid v) { MixedGuid f = default; v.TryWriteBytes(f); return f; }
    public override readonly string ToString() => ((Guid)this).ToString();
}

/// <summary>A GUID of 16 bytes in the order it is written in, as RFC 9562 has it.</summary>
[InlineArray(16)]
public struct BigEndianGuid
{
    private byte _first;
    public static implicit operator Guid(in BigEndianGuid f) => new(f, bigEndian: true);
    public static implicit operator BigEndianGuid(Guid v) { BigEndianGuid f = default; v.TryWriteBytes(f, bigEndian: true, out _); return f; }
    public override readonly string ToString() => ((Guid)this).ToString();
}
