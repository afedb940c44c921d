using System.Buffers.Binary;

namespace Platter.FileSystems.ExFat;

/// <summary>A volume's up-case table: what makes two names equal, and what a name's hash is taken of.</summary>
/// <remarks>Microsoft "exFAT file system specification", section 7.2. On disk: the capital of each UTF-16 unit from 0 on, two bytes each; FFFF
/// and a count stand for that many units that are their own capital. 128 KiB in memory; the usual table exists once.</remarks>
internal sealed class ExFatUpcase
{
    /// <summary>A unit on disk that says: the next one is the length of a run without capitals.</summary>
    public const ushort RunMark = 0xFFFF;

    /// <summary>Bytes of a table on disk, uncompressed: no legal table is longer.</summary>
    public const int MaxLength = 2 * (char.MaxValue + 1);

    // The specification fixes these: the letters of ASCII, everything else its own capital.
    private const int MandatoryUnits = 128;

    private static readonly Lazy<ExFatUpcase> _standard = new(() => new ExFatUpcase(ExFatStandardUpcase.Expand(), char.MaxValue + 1));

    private readonly char[] _map;

    private ExFatUpcase(char[] map, int covered)
    {
        _map = map;
        Covered = covered;
    }

    /// <summary>The table that new volumes get.</summary>
    public static ExFatUpcase Standard => _standard.Value;

    /// <summary>How many units the table on disk speaks of; the others are their own capital. 65,536 in a whole one.</summary>
    public int Covered { get; }

    /// <summary>The standard table as it stands on disk; its checksum is <see cref="ExFatStandardUpcase.Checksum"/>.</summary>
    public static byte[] StandardOnDisk() => ExFatStandardUpcase.Compressed(Standard._map);

    /// <summary>Takes a table over from its form on disk.</summary>
    /// <param name="table">DataLength bytes.</param>
    /// <param name="checksum">What its entry says.</param>
    /// <param name="offset">Where the table starts on the volume, in bytes; for messages.</param>
    /// <exception cref="DiskFormatException">The checksum differs, or the table breaks a rule.</exception>
    public static ExFatUpcase Load(ReadOnlySpan<byte> table, uint checksum, long offset)
    {
        if (table.IsEmpty || table.Length > MaxLength || table.Length % 2 != 0)
            throw WrongLength((ulong)table.Length, offset);
        var sum = ExFatChecksums.Table(table);
        if (sum != checksum)
            throw new DiskFormatException("EXF-0042", "UpcaseTable", offset, $"the checksum is {sum:X8}, its entry says {checksum:X8}");
        if (sum == ExFatStandardUpcase.Checksum && table.Length == ExFatStandardUpcase.CompressedLength && table.SequenceEqual(StandardOnDisk()))
            return Standard;

        var map = new char[char.MaxValue + 1];
        for (var i = 0; i < map.Length; i++)
            map[i] = (char)i;
        var unit = 0;
        for (var i = 0; i < table.Length; i += 2)
        {
            var capital = BinaryPrimitives.ReadUInt16LittleEndian(table[i..]);
            if (capital != RunMark || i + 2 >= table.Length)    // FFFF at the very end is the last unit itself
            {
                if (unit >= map.Length)
                    throw TooLong(i);
                map[unit++] = (char)capital;
                continue;
            }
            i += 2;
            unit += BinaryPrimitives.ReadUInt16LittleEndian(table[i..]);
            if (unit > map.Length)
                throw TooLong(i);
        }
        for (var i = 0; i < Math.Min(unit, MandatoryUnits); i++)
        {
            var expected = i is >= 'a' and <= 'z' ? i - 32 : i;
            if (map[i] != expected)
                throw new DiskFormatException("EXF-0044", "UpcaseTable", offset, $"the capital of U+{i:X4} is U+{(int)map[i]:X4}, expected U+{expected:X4}");
        }
        return new ExFatUpcase(map, unit);

        DiskFormatException TooLong(int at) => new("EXF-0043", "UpcaseTable", offset + at, "speaks of more than 65536 characters");
    }

    /// <summary>What is thrown for a table that has no legal length, or fewer clusters than that takes.</summary>
    public static DiskFormatException WrongLength(ulong length, long offset) =>
        new("EXF-0041", "UpcaseTable", offset, $"found {length} bytes, expected an even number, 2..{MaxLength}, and clusters for them");

    /// <summary>The capital of a UTF-16 unit.</summary>
    public char Up(char unit) => _map[unit];

    /// <summary>The name hash of a stream entry.</summary>
    public ushort Hash(ReadOnlySpan<char> name)
    {
        ushort hash = 0;
        foreach (var unit in name)
            hash = ExFatChecksums.AddUnit(hash, _map[unit]);
        return hash;
    }

    /// <summary>Whether two names are one: equal, capitals aside.</summary>
    public bool AreEqual(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        if (a.Length != b.Length)
            return false;
        for (var i = 0; i < a.Length; i++)
        {
            if (a[i] != b[i] && _map[a[i]] != _map[b[i]])
                return false;
        }
        return true;
    }
}
