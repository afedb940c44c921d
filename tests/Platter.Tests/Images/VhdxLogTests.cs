using Platter.Blocks;
using Platter.Images;
using Platter.Images.Vhdx;
using Platter.Primitives;
using Platter.Testing;
using Xunit;

namespace Platter.Tests.Images;

/// <summary>Logs of VHDX built by hand: what is replayed, what is not, and what is refused.</summary>
public sealed class VhdxLogTests
{
    private const int Target = VhdxBytes.Data;      // block 0 of the disk starts here

    private static readonly Guid Id = new("0f0e0d0c-0b0a-0908-0706-050403020100");

    private readonly VhdxBytes _vhdx = new();

    [Fact]
    public void Without_a_log_identifier_nothing_is_replayed()
    {
        Put(0, Entry(1, 0, Sector(Target, 0xAA)));
        Assert.Equal(7, First());
        Assert.Contains(Details(), d => d is { Key: "log", Value: "empty" });
    }

    [Fact]
    public void Reading_shows_the_replayed_state_and_writes_nothing()
    {
        Dirty();
        Put(0, Entry(1, 0, Sector(Target, 0xAA), Zeros(Target + 4096, 8192)));
        var before = _vhdx.Host.Bytes.ToArray();
        using var readOnly = new MemoryDevice(before.ToArray(), canWrite: false);
        using (var image = Container.Open(readOnly))
        {
            var bytes = new byte[3 * 4096];
            image.Disk.Read(0, bytes);
            Assert.True(bytes.AsSpan(0, 4096).IndexOfAnyExcept((byte)0xAA) < 0);
            Assert.True(bytes.AsSpan(4096).IndexOfAnyExcept((byte)0) < 0);
            Assert.False(image.Disk.CanWrite);
            var report = new CheckReport();
            image.Check(report);
            Assert.Contains(report.Findings, f => f.Code == "VHDX-0025");
            Assert.True(report.IsClean);
            Assert.Contains(image.Details, d => d is { Key: "log", Value: "replayed" });
            Assert.Contains(image.Disk.AllocatedRanges(), r => r is { Offset: 0 });
        }
        Assert.Equal(before, readOnly.Bytes);
    }

    [Fact]
    public void Opening_for_editing_replays_for_good()
    {
        Dirty();
        Put(0, Entry(5, 0, Sector(Target, 0xAA)));
        Assert.Equal(0xAA, First());
        Assert.Equal(0xAA, _vhdx.Host.Bytes[Target]);
        Assert.Equal(Guid.Empty, (Guid)_vhdx.Newest().LogGuid);
        Assert.Contains(Details(), d => d is { Key: "log", Value: "empty" });
        Assert.True(_vhdx.Check().IsClean);
    }

    [Fact]
    public void Of_several_sequences_the_one_with_the_greatest_number_counts_from_its_tail_on()
    {
        Dirty();
        Put(0, Entry(8, 0, Sector(Target, 0x11)));
        Put(40, Entry(20, 40, Sector(Target, 0x22)));                // before the tail: done already
        Put(42, Entry(21, 42, Sector(Target + 4096, 0x33)));
        Put(44, Entry(22, 42, Sector(Target + 8192, 0x44), Sector(Target + 4096, 0x55)));
        Put(100, Entry(3, 100, Sector(Target, 0x66)));
        var bytes = Read(3 * 4096);
        Assert.Equal((7, 0x55, 0x44), ((int)bytes[0], (int)bytes[4096], (int)bytes[8192]));
    }

    [Fact]
    public void An_entry_may_go_round_the_end_of_the_log()
    {
        Dirty();
        Put(253, Entry(8, 253, Sector(Target, 0x11), Sector(Target + 4096, 0x22), Sector(Target + 8192, 0x33), Sector(Target + 12288, 0x44)));
        Put(2, Entry(9, 253, Sector(Target, 0x99)));
        var bytes = Read(4 * 4096);
        Assert.Equal((0x99, 0x22, 0x33, 0x44), ((int)bytes[0], (int)bytes[4096], (int)bytes[8192], (int)bytes[12288]));
    }

    [Fact]
    public void Entries_of_another_life_of_the_log_do_not_count()
    {
        Dirty();
        Put(0, Entry(8, 0, Sector(Target, 0x11)));
        var other = Entry(9, 0, Sector(Target, 0x22));
        OnDisk.Edit<VhdxLogEntry>(other).LogGuid = Guid.NewGuid();
        Sum(other);
        Put(2, other);
        Assert.Equal(0x11, First());
    }

    [Fact]
    public void A_torn_last_entry_ends_the_sequence_before_it()
    {
        Dirty();
        Put(0, Entry(8, 0, Sector(Target, 0x11)));
        var torn = Entry(9, 0, Sector(Target, 0x22), Sector(Target + 4096, 0x33));
        Put(2, torn[..8192]);
        Assert.Equal(0x11, First());
    }

    [Fact]
    public void A_first_entry_that_was_never_finished_is_nothing_to_replay()
    {
        Dirty();
        Assert.Equal(7, First());
        Dirty();
        Put(0, Entry(9, 0, Sector(Target, 0x22), Sector(Target + 4096, 0x33))[..8192]);
        Assert.Equal(7, First());
        Assert.Contains(Details(), d => d is { Key: "log", Value: "empty" });
    }

    [Fact]
    public void The_file_grows_to_what_the_last_entry_says()
    {
        Dirty();
        var length = _vhdx.Host.Length;
        Put(0, Entry(8, 0, last: (ulong)length + (2 << 20), Sector(length + (1 << 20), 0x11)));
        using (Container.Open(_vhdx.Host))
            Assert.Equal(length + (2 << 20), _vhdx.Host.Length);
        Assert.Equal(0x11, _vhdx.Host.Bytes[(int)length + (1 << 20)]);
    }

    [Theory]
    [InlineData("VHDX-0010")]
    [InlineData("VHDX-0011")]
    [InlineData("VHDX-0012")]
    [InlineData("VHDX-0013")]
    [InlineData("VHDX-0014")]
    public void What_cannot_be_replayed_is_refused(string code)
    {
        Dirty();
        var entry = Entry(8, 0, Sector(Target, 0x11));
        switch (code)
        {
            case "VHDX-0010": _vhdx.EditHeaders((ref VhdxHeader h) => h.LogOffset = 1UL << 63); break;
            case "VHDX-0011": entry[5000] ^= 1; break;
            case "VHDX-0012": OnDisk.Edit<VhdxLogEntry>(entry).FlushedFileOffset = 1UL << 40; Sum(entry); break;
            case "VHDX-0013": OnDisk.Edit<VhdxLogEntry>(entry).LastFileOffset = 1UL << 63; Sum(entry); break;
            case "VHDX-0014": OnDisk.Edit<VhdxLogDescriptor>(entry, 64).FileOffset = 1UL << 63; Sum(entry); break;
        }
        Put(0, entry);
        var before = _vhdx.Host.Bytes.ToArray();
        Assert.Equal(code, Assert.Throws<DiskFormatException>(() => Container.Open(_vhdx.Host)).Code);
        Assert.Equal(before, _vhdx.Host.Bytes.ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0x10000)]
    [InlineData(0x2F000)]
    [InlineData(VhdxBytes.Log + 0x8000)]
    public void Nothing_is_replayed_over_the_headers_or_the_log(long offset)
    {
        Dirty();
        Put(0, Entry(8, 0, Sector(offset, 0x11)));
        Assert.Equal("VHDX-0014", Assert.Throws<DiskFormatException>(() => Container.Open(_vhdx.Host)).Code);
    }

    [Fact]
    public void A_later_version_of_the_log_is_refused_only_when_there_is_something_in_it()
    {
        _vhdx.EditHeaders((ref VhdxHeader h) => h.LogVersion = 3);
        Assert.Equal(7, First());
        Dirty();
        _vhdx.EditHeaders((ref VhdxHeader h) => h.LogVersion = 3);
        Assert.Contains("version 3", Assert.Throws<UnsupportedFeatureException>(() => Container.Open(_vhdx.Host)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sectors_that_all_claim_to_start_long_entries_take_no_time()
    {
        var vhdx = new VhdxBytes("vhdx", ("log_size", "64M"));
        vhdx.EditHeaders((ref VhdxHeader h) => h.LogGuid = Id);
        for (var sector = 0; sector < (64 << 20) / 4096; sector++)
        {
            ref var entry = ref OnDisk.Edit<VhdxLogEntry>(vhdx.Host.Bytes, VhdxBytes.Log + sector * 4096);
            (entry.Signature, entry.Length, entry.SequenceNumber, entry.LogGuid) = (VhdxLogEntry.SignatureValue, 64 << 20, 1, Id);
        }
        var start = ProcessorTime.OfThread();
        Assert.Equal("VHDX-0011", Assert.Throws<DiskFormatException>(() => Container.Open(vhdx.Host)).Code);
        Assert.InRange(ProcessorTime.OfThread() - start, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    private readonly record struct Change(long Offset, long Length, byte? Value);

    private static Change Sector(long offset, byte value) => new(offset, 4096, value);

    private static Change Zeros(long offset, long length) => new(offset, length, null);

    private byte[] Entry(ulong number, int tail, params Change[] changes) => Entry(number, tail, (ulong)_vhdx.Host.Length, changes);

    private byte[] Entry(ulong number, int tail, ulong last, params Change[] changes)
    {
        var entry = new byte[4096 * (1 + changes.Count(c => c.Value is not null))];
        OnDisk.Edit<VhdxLogEntry>(entry) = new VhdxLogEntry
        {
            Signature = VhdxLogEntry.SignatureValue, Length = (uint)entry.Length, Tail = (uint)tail * 4096, SequenceNumber = number,
            DescriptorCount = (uint)changes.Length, LogGuid = Id, FlushedFileOffset = (ulong)_vhdx.Host.Length, LastFileOffset = last,
        };
        var data = 4096;
        for (var i = 0; i < changes.Length; i++)
        {
            var change = changes[i];
            ref var descriptor = ref OnDisk.Edit<VhdxLogDescriptor>(entry, 64 + 32 * i);
            descriptor.SequenceNumber = number;
            descriptor.FileOffset = (ulong)change.Offset;
            if (change.Value is not { } value)
            {
                descriptor.Signature = VhdxLogDescriptor.ZeroSignature;
                descriptor.LeadingBytes = (ulong)change.Length;
                continue;
            }
            descriptor.Signature = VhdxLogDescriptor.DataSignature;
            descriptor.LeadingBytes = value * 0x0101_0101_0101_0101UL;
            descriptor.TrailingBytes = value * 0x0101_0101U;
            entry.AsSpan(data, 4096).Fill(value);
            OnDisk.Edit<U32Le>(entry, data) = VhdxLogDescriptor.SectorSignature;
            OnDisk.Edit<U32Le>(entry, data + 4) = (uint)(number >> 32);
            OnDisk.Edit<U32Le>(entry, data + 4092) = (uint)number;
            data += 4096;
        }
        Sum(entry);
        return entry;
    }

    private static void Sum(byte[] entry)
    {
        ref var header = ref OnDisk.Edit<VhdxLogEntry>(entry);
        header.Checksum = 0;
        header.Checksum = Crc32C.Compute(entry);
    }

    private void Put(int sector, byte[] entry)
    {
        for (var at = 0; at < entry.Length; at += 4096)
            entry.AsSpan(at, 4096).CopyTo(_vhdx.Host.Bytes[(VhdxBytes.Log + (sector * 4096 + at) % (1 << 20))..]);
    }

    private void Dirty() => _vhdx.EditHeaders((ref VhdxHeader h) => h.LogGuid = Id);

    private byte First() => Read(1)[0];

    private byte[] Read(int count)
    {
        using var image = Container.Open(_vhdx.Host);
        var bytes = new byte[count];
        image.Disk.Read(0, bytes);
        return bytes;
    }

    private IReadOnlyList<KeyValuePair<string, string>> Details()
    {
        using var image = Container.Open(_vhdx.Host);
        return image.Details;
    }
}
