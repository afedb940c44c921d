using System.Runtime.CompilerServices;
using Platter.Primitives;

namespace Platter.FileSystems.Swap;

// Linux kernel, include/linux/swap.h, "union swap_header", of mkswap's version 1. It fills the first page of the area:
//
//   0 ......... 1024 .................... 1536 ............. page size - 10 .... page size
//   boot loader | version, pages, UUID .. | bad page numbers | "SWAPSPACE2"
//
// The numbers are in the byte order of the machine that uses the area; the version tells which that is.

/// <summary>The head of a swap area, from byte 1024 of its first page: 512 bytes.</summary>
internal struct SwapHeader
{
    public const int Size = 512, Offset = 1024;

    /// <summary>Where the numbers of bad pages start; they end before the signature.</summary>
    public const int BadPagesOffset = Offset + Size;

    /// <summary>Bytes of the signature, which ends the page.</summary>
    public const int SignatureLength = 10;

    /// <summary>The only version there is; version 0 had another signature and no header.</summary>
    public const uint CurrentVersion = 1;

    public U32Le Version;                // 0x00  1
    public U32Le LastPage;               // 0x04  number of the last page of the area; page 0 is this header
    public U32Le BadPages;               // 0x08  how many numbers of bad pages follow
    public BigEndianGuid Uuid;           // 0x0C
    public SwapLabel Label;              // 0x1C  padded with 0
    public SwapPadding Padding;          // 0x2C  117 numbers of 0
}

/// <summary>The label: 16 bytes; mkswap keeps the last one 0.</summary>
[InlineArray(Length)]
internal struct SwapLabel
{
    public const int Length = 16;
    private byte _first;
}

/// <summary>What the kernel keeps for later: 468 bytes.</summary>
[InlineArray(468)]
internal struct SwapPadding
{
    private byte _first;
}
