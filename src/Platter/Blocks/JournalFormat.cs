using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Platter.Primitives;

namespace Platter.Blocks;

// The redo journal, NAME.platter-journal; all numbers little-endian. docs/journal.md says the same in prose.
//
//      0   intent     4096 bytes  there only when the image grows before the commit: how long it was
//   4096   commit     4096 bytes  its checksum makes the journal complete; zeroed once the pages are home
//   8192   slots      4096 bytes each: pages, in the order they were put here
//      n   index      PageEntry[], ZeroEntry[], PageSample[]
//
// A journal is complete when the commit record, the index and every page in the index have the right checksums; so one
// flush of the file is enough, in whatever order its bytes reach the medium. Every checksum is CRC-32C and starts from the
// transaction's salt: nothing left in a reused file from an earlier transaction can pass for a part of this one.

/// <summary>Says how long the image was before it grew within a transaction; an unfinished one is cut back to that.</summary>
internal struct JournalIntent                       // 40 bytes, followed by SampleCount samples
{
    public U64Le Magic;                             // 0x00
    public U32Le Version, PageSize;                 // 0x08, 0x0C
    public U64Le Salt;                              // 0x10
    public U64Le LengthBefore;                      // 0x18  bytes
    public U32Le SampleCount;                       // 0x20  at most Journal.MaxSamples
    public U32Le Checksum;                          // 0x24  of this record with Checksum = 0, and the samples
}

/// <summary>What makes a journal complete.</summary>
internal struct JournalCommit                       // 88 bytes
{
    public U64Le Magic;                             // 0x00
    public U32Le Version, PageSize;                 // 0x08, 0x0C
    public U64Le Salt;                              // 0x10
    public U64Le LengthBefore, LengthAfter;         // 0x18, 0x20  of the image, bytes
    public U64Le IndexOffset, IndexLength;          // 0x28, 0x30  bytes from the start of the journal
    public U64Le PageCount, ZeroCount;              // 0x38, 0x40  entries in the index
    public U32Le SampleCount, IndexChecksum;        // 0x48, 0x4C
    public U32Le Reserved, Checksum;                // 0x50, 0x54  of this record with Checksum = 0
}

/// <summary>One page of the image and where its new content lies.</summary>
internal struct PageEntry                           // 16 bytes
{
    public U64Le Page;                              // 0x00  number of the page in the image
    public U32Le Slot, Checksum;                    // 0x08, 0x0C  number of the slot in the journal
}

/// <summary>A run of pages that become zeros, before the pages of the index are written.</summary>
internal struct ZeroEntry                           // 16 bytes
{
    public U64Le FirstPage, PageCount;              // 0x00, 0x08
}

/// <summary>What a page of the image held before the commit, sector by sector: how a journal knows its image again.</summary>
internal struct PageSample                          // 40 bytes
{
    public U64Le Page;                              // 0x00
    public SectorChecksums Sectors;                 // 0x08

    [InlineArray(Journal.SectorsPerPage)]
    internal struct SectorChecksums
    {
        private U32Le _first;
    }
}

/// <summary>The journal's constants and checksums.</summary>
internal static class Journal
{
    internal const int PageSize = 4096;
    internal const int SectorsPerPage = 8;          // of 512 bytes: no medium tears a smaller unit
    internal const uint Version = 1;
    internal const ulong IntentMagic = 0x544E_4952_544C_50_AB;      // AB "PLTRINT"
    internal const ulong CommitMagic = 0x544D_4352_544C_50_AB;      // AB "PLTRCMT"
    internal const long CommitOffset = PageSize;
    internal const long SlotsOffset = 2 * PageSize;
    internal const int MaxSamples = 64;

    internal static long OffsetOfSlot(long slot) => SlotsOffset + slot * PageSize;

    internal static uint PageChecksum(ulong salt, long page, ReadOnlySpan<byte> content)
    {
        Span<byte> seed = stackalloc byte[16];
        MemoryMarshal.Write(seed, (U64Le)salt);
        MemoryMarshal.Write(seed[8..], (U64Le)(ulong)page);
        return Crc32C.Append(Crc32C.Compute(seed), content);
    }

    /// <summary>The checksum of an intent or commit record; the record's own checksum field must be zero meanwhile.</summary>
    internal static uint RecordChecksum(ulong salt, ReadOnlySpan<byte> bytes) => PageChecksum(salt, -1, bytes);

    internal static PageSample Sample(long page, ReadOnlySpan<byte> content)
    {
        var sample = new PageSample { Page = (ulong)page };
        for (var i = 0; i < SectorsPerPage; i++)
            sample.Sectors[i] = SectorChecksum(content, i);
        return sample;
    }

    internal static uint SectorChecksum(ReadOnlySpan<byte> page, int sector) =>
        Crc32C.Compute(page.Slice(sector * (PageSize / SectorsPerPage), PageSize / SectorsPerPage));
}
