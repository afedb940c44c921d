using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Platter.Trees.Tar;
using Xunit;

namespace Platter.Tests.Trees.Tar;

/// <summary>The declared blocks against the numbers of POSIX and of the GNU tar manual.</summary>
public sealed class TarLayoutTests
{
    [Fact]
    public void Blocks_have_the_sizes_that_are_written_down()
    {
        Assert.Equal(512, Unsafe.SizeOf<TarHeader>());
        Assert.Equal(495 - 345, Unsafe.SizeOf<TarGnuTail>());
        Assert.Equal(512 - 345, Unsafe.SizeOf<TarStarTail>());
        Assert.Equal(24, Unsafe.SizeOf<TarSparseEntry>());
        Assert.Equal(505, Unsafe.SizeOf<TarSparseBlock>());
    }

    [Theory]
    [InlineData("Name", 0)]
    [InlineData("Mode", 100)]
    [InlineData("UserId", 108)]
    [InlineData("GroupId", 116)]
    [InlineData("Size", 124)]
    [InlineData("Modified", 136)]
    [InlineData("Checksum", 148)]
    [InlineData("Type", 156)]
    [InlineData("LinkName", 157)]
    [InlineData("Magic", 257)]
    [InlineData("UserName", 265)]
    [InlineData("GroupName", 297)]
    [InlineData("DeviceMajor", 329)]
    [InlineData("DeviceMinor", 337)]
    [InlineData("Prefix", 345)]
    [InlineData("Padding", 500)]
    public void Fields_of_the_header_are_where_posix_has_them(string field, int offset) => Assert.Equal(offset, (int)Marshal.OffsetOf<TarHeader>(field));

    [Theory]
    [InlineData("Accessed", 345)]
    [InlineData("Changed", 357)]
    [InlineData("Offset", 369)]
    [InlineData("LongNames", 381)]
    [InlineData("Unused", 385)]
    [InlineData("Map", 386)]
    [InlineData("IsExtended", 482)]
    [InlineData("RealSize", 483)]
    public void Fields_of_gnu_are_where_its_manual_has_them(string field, int offset) => Assert.Equal(offset, 345 + (int)Marshal.OffsetOf<TarGnuTail>(field));

    [Fact]
    public void Fields_of_star_and_of_the_map_are_where_they_belong()
    {
        Assert.Equal(476 - 345, (int)Marshal.OffsetOf<TarStarTail>("Accessed"));
        Assert.Equal(488 - 345, (int)Marshal.OffsetOf<TarStarTail>("Changed"));
        Assert.Equal(508 - 345, (int)Marshal.OffsetOf<TarStarTail>("Magic"));
        Assert.Equal(504, (int)Marshal.OffsetOf<TarSparseBlock>("IsExtended"));
        Assert.Equal(12, (int)Marshal.OffsetOf<TarSparseEntry>("Length"));
    }
}
