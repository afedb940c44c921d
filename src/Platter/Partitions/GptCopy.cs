using System.Numerics;
using Platter.Blocks;
using Platter.Partitions.OnDisk;
using Platter.Primitives;

namespace Platter.Partitions;

/// <summary>One of the two copies of a GPT: a header and its entry array, with what is wrong with them.</summary>
internal sealed class GptCopy
{
    // Linux refuses more than 4 MiB (KMALLOC_MAX_SIZE); the specification names no limit.
    private const int ArrayLimit = 4 << 20;

    /// <summary>A broken rule: the field, its offset in bytes from the start of the disk, what was found and expected.</summary>
    public readonly record struct Problem(string Structure, long Offset, string Text);

    public required int SectorSize { get; init; }

    /// <summary>Where the header was read from.</summary>
    public required long HeaderSector { get; init; }

    /// <summary>The header's whole sector: bytes behind the known fields are kept.</summary>
    public required byte[] HeaderBytes { get; init; }

    /// <summary>The entry array; empty when the header does not say where it is.</summary>
    public byte[] Entries { get; private set; } = [];

    public List<Problem> HeaderProblems { get; } = [];
    public List<Problem> EntriesProblems { get; } = [];

    public ref readonly GptHeader Header => ref Primitives.OnDisk.View<GptHeader>(HeaderBytes);
    public bool HasSignature => Header.Signature == GptHeader.ValidSignature;
    public bool HeaderIsSound => HeaderProblems.Count == 0;
    public bool IsSound => HeaderIsSound && EntriesProblems.Count == 0;
    public int EntrySize => (int)(uint)Header.EntrySize;

    /// <summary>What keeps the copy from being used, in a few words.</summary>
    public Problem FirstProblem => HeaderProblems.Concat(EntriesProblems).First();

    /// <summary>Reads a copy; null when the device has no such sector.</summary>
    public static GptCopy? TryRead(BlockDevice disk, int sectorSize, long headerSector)
    {
        if (headerSector < 1 || headerSector >= disk.Length / sectorSize)
            return null;
        var bytes = new byte[sectorSize];
        disk.Read(headerSector * sectorSize, bytes);
        var copy = new GptCopy { SectorSize = sectorSize, HeaderSector = headerSector, HeaderBytes = bytes };
        copy.CheckHeader(disk.Length / sectorSize);
        if (copy.HeaderIsSound)
            copy.ReadEntries(disk);
        return copy;
    }

    /// <summary>The header's checksum as it should be.</summary>
    public static uint ComputeHeaderCrc(ReadOnlySpan<byte> headerBytes)
    {
        var copy = headerBytes[..(int)(uint)Primitives.OnDisk.View<GptHeader>(headerBytes).HeaderSize].ToArray();
        Primitives.OnDisk.Edit<GptHeader>(copy).HeaderCrc = 0;
        return Crc32.Compute(copy);
    }

    private void CheckHeader(long deviceSectors)
    {
        ref readonly var h = ref Header;
        if (h.Signature != GptHeader.ValidSignature)
        {
            Broken("signature", 0x00, $"found 0x{(ulong)h.Signature:X16}, expected \"EFI PART\"");
            return;
        }
        if (h.HeaderSize < GptHeader.Size || h.HeaderSize > SectorSize)
        {
            Broken("headerSize", 0x0C, $"found {(uint)h.HeaderSize}, expected {GptHeader.Size}..{SectorSize}");
            return;
        }
        var crc = ComputeHeaderCrc(HeaderBytes);
        if (h.HeaderCrc != crc)
            Broken("headerCrc", 0x10, $"found 0x{(uint)h.HeaderCrc:X8}, expected 0x{crc:X8}, the CRC-32 of the header");
        if (h.MySector != (ulong)HeaderSector)
            Broken("mySector", 0x18, $"found {(ulong)h.MySector}, expected {HeaderSector}");
        if (h.FirstUsableSector > (ulong)h.LastUsableSector || h.LastUsableSector > long.MaxValue / 4096 - 1)
            Broken("firstUsableSector", 0x28, $"found the usable range {(ulong)h.FirstUsableSector}..{(ulong)h.LastUsableSector}, expected an ascending one");
        var entrySize = (uint)h.EntrySize;
        if (entrySize is < GptEntry.Size or > 4096 || !BitOperations.IsPow2(entrySize))
        {
            Broken("entrySize", 0x54, $"found {entrySize}, expected 128 times a power of two, up to 4096");
            return;
        }
        var arrayLength = (ulong)entrySize * h.EntryCount;
        if (arrayLength is 0 or > ArrayLimit)
        {
            Broken("entryCount", 0x50, $"found {(uint)h.EntryCount} of {entrySize} bytes, expected 1..{ArrayLimit / entrySize}");
            return;
        }
        var first = (ulong)h.EntriesSector;
        var count = (arrayLength + (ulong)SectorSize - 1) / (ulong)SectorSize;
        if (first < 2 || first > (ulong)deviceSectors || count > (ulong)deviceSectors - first)
            Broken("entriesSector", 0x48, $"found {first}, expected the array's {count} sectors within 2..{deviceSectors - 1}");
        else if (first <= h.LastUsableSector && first + count > h.FirstUsableSector)
            Broken("entriesSector", 0x48, $"found the array in sectors {first}..{first + count - 1}, expected it outside of the usable {(ulong)h.FirstUsableSector}..{(ulong)h.LastUsableSector}");

        void Broken(string field, int at, string text) => HeaderProblems.Add(new Problem("GptHeader." + field, (HeaderSector * SectorSize) + at, text));
    }

    private void ReadEntries(BlockDevice disk)
    {
        ref readonly var h = ref Header;
        Entries = new byte[EntrySize * (int)(uint)h.EntryCount];
        var offset = (long)(ulong)h.EntriesSector * SectorSize;
        disk.Read(offset, Entries);
        var crc = Crc32.Compute(Entries);
        if (h.EntriesCrc != crc)
            EntriesProblems.Add(new Problem("GptHeader.entriesCrc", offset, $"found 0x{(uint)h.EntriesCrc:X8}, expected 0x{crc:X8}, the CRC-32 of the entry array"));
    }
}
