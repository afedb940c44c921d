using System.Buffers.Binary;
using System.Text;
using Platter.Primitives;

namespace Platter.FileSystems.Ntfs;

/// <summary>Lays down the values of $EA and $EA_INFORMATION.</summary>
internal static class NtfsNewExtendedAttributes
{
    private const int MaxNameLength = 254, FormatMask = 0xF000;

    /// <summary>Both values; both empty without attributes: then neither attribute is there.</summary>
    /// <param name="attributes">The attributes, in order. No two have the same name.</param>
    /// <exception cref="InvalidNameException">A name is empty, longer than 254 bytes, or holds what is not Latin-1 or is a zero.</exception>
    /// <exception cref="UnsupportedFeatureException">They are longer than 64 KiB, together or one alone.</exception>
    public static (byte[] Value, byte[] Information) Build(IReadOnlyList<NtfsEa> attributes)
    {
        if (attributes.Count == 0)
            return ([], []);
        var (packed, needed) = NtfsExtendedAttributes.Sums(attributes);
        var total = 0;
        foreach (var ea in attributes)
        {
            Validate(ea.Name);
            if (ea.Value.Length > ushort.MaxValue)
                throw TooLong(ea.Value.Length);
            total += LengthOf(ea);
            if (total > NtfsEaEntry.MaxLength || packed > ushort.MaxValue)
                throw TooLong(total);
        }
        var value = new byte[total];
        var at = 0;
        foreach (var ea in attributes)
        {
            ref var entry = ref OnDisk.Edit<NtfsEaEntry>(value, at);
            entry.NextOffset = (uint)LengthOf(ea);
            entry.Flags = ea.Flags;
            entry.NameLength = (byte)ea.Name.Length;
            entry.ValueLength = (ushort)ea.Value.Length;
            Encoding.Latin1.GetBytes(ea.Name, value.AsSpan(at + NtfsEaEntry.Size));
            ea.Value.CopyTo(value, at + NtfsEaEntry.Size + ea.Name.Length + 1);
            at += LengthOf(ea);
        }
        var information = new byte[NtfsEaInformation.Size];
        ref var counts = ref OnDisk.Edit<NtfsEaInformation>(information);
        counts.PackedLength = (ushort)packed;
        counts.NeedCount = (ushort)needed;
        counts.QueryLength = (uint)total;
        return (value, information);
    }

    /// <summary>What the Windows Subsystem for Linux keeps of a file: owner, group and mode, where they are known, and the numbers of a device.</summary>
    public static NtfsEa[] Linux(EntryKind kind, int? mode, uint? userId, uint? groupId, DeviceNumber? device)
    {
        var found = new List<NtfsEa>();
        if (userId is { } user)
            found.Add(Number(NtfsExtendedAttributes.LxUser, user));
        if (groupId is { } group)
            found.Add(Number(NtfsExtendedAttributes.LxGroup, group));
        if (mode is { } bits)
            found.Add(Number(NtfsExtendedAttributes.LxMode, (uint)(bits & ~FormatMask | FormatOf(kind))));
        if (device is { } numbers && kind is EntryKind.CharacterDevice or EntryKind.BlockDevice)
        {
            var value = new byte[8];
            BinaryPrimitives.WriteUInt32LittleEndian(value, numbers.Major);
            BinaryPrimitives.WriteUInt32LittleEndian(value.AsSpan(4), numbers.Minor);
            found.Add(new NtfsEa(NtfsExtendedAttributes.LxDevice, value, 0));
        }
        return [.. found];
    }

    private static int LengthOf(in NtfsEa ea) => NtfsEaEntry.Size + ea.Name.Length + 1 + ea.Value.Length + 3 & ~3;

    private static NtfsEa Number(string name, uint number)
    {
        var value = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(value, number);
        return new NtfsEa(name, value, 0);
    }

    // stat(2), S_IFMT
    private static int FormatOf(EntryKind kind) => kind switch
    {
        EntryKind.Fifo => 0x1000,
        EntryKind.CharacterDevice => 0x2000,
        EntryKind.Directory => 0x4000,
        EntryKind.BlockDevice => 0x6000,
        EntryKind.SymbolicLink => 0xA000,
        EntryKind.Socket => 0xC000,
        _ => 0x8000,
    };

    private static void Validate(string name)
    {
        if (name.Length is 0 or > MaxNameLength || name.AsSpan().ContainsAnyExceptInRange('\x01', '\xFF'))
            throw new InvalidNameException(name, $"is no name of an extended attribute on ntfs: 1 to {MaxNameLength} characters of Latin-1");
    }

    private static UnsupportedFeatureException TooLong(int length) =>
        new($"ntfs has at most {ushort.MaxValue} bytes of extended attributes for a file; these have {length}");
}
