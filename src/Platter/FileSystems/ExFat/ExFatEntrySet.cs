using System.Buffers.Binary;
using Platter.Primitives;

namespace Platter.FileSystems.ExFat;

/// <summary>The entries of one file or directory: file, stream, names, and what others have added behind them.</summary>
/// <remarks>Microsoft "exFAT file system specification", sections 6.3, 7.4, 7.6 and 7.7. A view of bytes that somebody else holds.</remarks>
internal readonly ref struct ExFatEntrySet
{
    /// <summary>The most entries a set can have: the primary one and 255 behind it.</summary>
    public const int MaxEntries = 256;

    private const int Size = ExFatEntryType.Size;
    private const int FirstName = 2;

    private readonly Span<byte> _bytes;

    private ExFatEntrySet(Span<byte> bytes) => _bytes = bytes;

    public ReadOnlySpan<byte> Bytes => _bytes;
    public int Count => _bytes.Length / Size;
    public ref ExFatFileEntry File => ref OnDisk.Edit<ExFatFileEntry>(_bytes);
    public ref ExFatStreamEntry Stream => ref OnDisk.Edit<ExFatStreamEntry>(_bytes, Size);
    public DosAttributes Attributes => (DosAttributes)(ushort)File.Attributes;
    public bool IsDirectory => (Attributes & DosAttributes.Directory) != 0;
    public int NameLength => Stream.NameLength;

    /// <summary>Whether the stored checksum is that of the entries.</summary>
    public bool IsSealed => ExFatChecksums.EntrySet(_bytes) == File.SetChecksum;

    /// <summary>What stands behind the names: benign entries, kept as they are.</summary>
    public ReadOnlySpan<byte> Additions => _bytes[((FirstName + NamesFor(NameLength)) * Size)..];

    /// <summary>Takes bytes for a set, when they are one: a file entry, a stream entry, as many name entries as the name needs, and behind them
    /// nothing that must be understood and is not (section 8.2).</summary>
    public static bool TryView(Span<byte> bytes, out ExFatEntrySet set)
    {
        set = new ExFatEntrySet(bytes);
        if (bytes.Length < (FirstName + 1) * Size || bytes[0] != ExFatEntryType.File || bytes.Length != (set.File.SecondaryCount + 1) * Size
            || bytes[Size] != ExFatEntryType.Stream || set.NameLength == 0)
        {
            return false;
        }
        var behindNames = FirstName + NamesFor(set.NameLength);
        if (set.Count < behindNames)
            return false;
        for (var i = FirstName; i < set.Count; i++)
        {
            var type = bytes[i * Size];
            var fits = i < behindNames ? type == ExFatEntryType.Name
                : ExFatEntryType.IsInUse(type) && ExFatEntryType.IsSecondary(type) && (ExFatEntryType.IsBenign(type) || type == ExFatEntryType.Name);
            if (!fits)
                return false;
        }
        return true;
    }

    /// <summary>Makes a set.</summary>
    /// <param name="name">1 to 255 units.</param>
    /// <param name="hash">The name's hash.</param>
    /// <param name="file">The file entry but for its count and checksum.</param>
    /// <param name="stream">The stream entry but for name length and hash.</param>
    /// <param name="additions">What goes behind the names.</param>
    /// <exception cref="InvalidNameException">Name and additions do not fit one set.</exception>
    public static byte[] Make(string name, ushort hash, in ExFatFileEntry file, in ExFatStreamEntry stream, ReadOnlySpan<byte> additions)
    {
        var names = NamesFor(name.Length);
        var count = FirstName + names + additions.Length / Size;
        if (count > MaxEntries)
            throw new InvalidNameException(name, $"takes {names} entries, and {additions.Length / Size} others belong to the file: more than {MaxEntries} in all");
        var bytes = new byte[count * Size];
        var set = new ExFatEntrySet(bytes);
        set.File = file;
        set.File.Type = ExFatEntryType.File;
        set.File.SecondaryCount = (byte)(count - 1);
        set.Stream = stream;
        set.Stream.Type = ExFatEntryType.Stream;
        set.Stream.Flags |= ExFatSecondaryFlags.AllocationPossible;
        set.Stream.NameLength = (byte)name.Length;
        set.Stream.NameHash = hash;
        for (var i = 0; i < names; i++)
        {
            var entry = bytes.AsSpan((FirstName + i) * Size, Size);
            entry[0] = ExFatEntryType.Name;
            var units = name.AsSpan(i * ExFatNameEntry.UnitsPerEntry, Math.Min(ExFatNameEntry.UnitsPerEntry, name.Length - i * ExFatNameEntry.UnitsPerEntry));
            for (var unit = 0; unit < units.Length; unit++)
                BinaryPrimitives.WriteUInt16LittleEndian(entry[(2 + 2 * unit)..], units[unit]);
        }
        additions.CopyTo(bytes.AsSpan((FirstName + names) * Size));
        set.Seal();
        return bytes;
    }

    /// <summary>Copies the name.</summary>
    /// <param name="units">At least 255.</param>
    /// <returns>Its length.</returns>
    public int CopyName(Span<char> units)
    {
        var length = NameLength;
        for (var i = 0; i * ExFatNameEntry.UnitsPerEntry < length; i++)
        {
            var part = Math.Min(ExFatNameEntry.UnitsPerEntry, length - i * ExFatNameEntry.UnitsPerEntry);
            ExFatNameRules.Decode(_bytes.Slice((FirstName + i) * Size + 2, part * 2), units.Slice(i * ExFatNameEntry.UnitsPerEntry, part));
        }
        return length;
    }

    public string Name()
    {
        Span<char> units = stackalloc char[ExFatNameEntry.MaxUnits];
        return new string(units[..CopyName(units)]);
    }

    /// <summary>Brings the checksum up to date.</summary>
    public void Seal() => File.SetChecksum = ExFatChecksums.EntrySet(_bytes);

    private static int NamesFor(int length) => (length + ExFatNameEntry.UnitsPerEntry - 1) / ExFatNameEntry.UnitsPerEntry;
}
