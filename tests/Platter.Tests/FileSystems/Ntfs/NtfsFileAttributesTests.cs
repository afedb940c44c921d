using Platter.FileSystems.Ntfs;
using Xunit;

namespace Platter.Tests.FileSystems.Ntfs;

public class NtfsFileAttributesTests
{
    [Theory]
    [InlineData(0x20u, NtfsRecordFlags.InUse, 0x20u)]
    [InlineData(0x20u, NtfsRecordFlags.InUse | NtfsRecordFlags.Directory, 0x10000020u)]
    [InlineData(0x06u, NtfsRecordFlags.InUse | NtfsRecordFlags.ViewIndex, 0x20000006u)]
    // Bits that only the record can tell, in $STANDARD_INFORMATION: a file would have become a directory by its name.
    [InlineData(0x30000020u, NtfsRecordFlags.InUse, 0x20u)]
    public void A_name_says_what_the_record_is(uint information, object record, uint expected) =>
        Assert.Equal(expected, NtfsFileAttributes.OfName(information, (NtfsRecordFlags)record));
}
