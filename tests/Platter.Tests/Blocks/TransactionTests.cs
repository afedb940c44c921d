using System.Diagnostics;
using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Platter.Testing.Blocks;
using Xunit;

namespace Platter.Tests.Blocks;

public sealed class TransactionTests
{
    [Theory]
    [InlineData(1, 32 << 20, 64 << 10)]
    [InlineData(2, 64 << 10, 0)]
    [InlineData(3, 200 << 10, 20_000)]
    [InlineData(4, 16 << 10, 1 << 20)]
    public void Thousands_of_random_edits_with_commits_and_rollbacks_give_what_an_array_would_hold(int seed, long memory, long fresh)
    {
        var random = new Random(seed);
        var home = new ResizableMemoryDevice(300_000);
        var store = new MemoryJournalStore();
        var options = new TransactionOptions { MemoryLimit = memory, FreshLimit = fresh };
        var device = TransactionDevice.Open(home, store, options);
        var model = new byte[300_000];
        var committed = model.ToArray();
        for (var step = 0; step < 3000; step++)
        {
            var offset = random.Next(model.Length);
            var count = Math.Min(model.Length - offset, random.Next(random.Next(5) == 0 ? 120_000 : 6000));
            var data = new byte[count];
            random.NextBytes(data);
            switch (random.Next(24))
            {
                case < 10:
                    device.Write(offset, data);
                    data.CopyTo(model, offset);
                    break;
                case < 13:
                    // Fresh data stays after a rollback, so it goes where the model has only zeros for good: at the end.
                    var tail = model.Length - Math.Min(model.Length, 40_000);
                    count = Math.Min(count, model.Length - tail);
                    device.WriteZeros(tail, count);
                    Array.Clear(model, tail, count);
                    break;
                case < 16:
                    device.WriteZeros(offset, count);
                    Array.Clear(model, offset, count);
                    break;
                case < 18:
                    device.Flush();
                    Assert.True(home.Bytes.SequenceEqual(model), $"seed {seed}, step {step}: the home after a commit");
                    committed = model.ToArray();
                    break;
                case 18:
                    device.Rollback();
                    model = committed.ToArray();
                    break;
                case 19:
                    var length = random.Next(3) == 0 ? random.Next(1, 400_000) : Math.Clamp(model.Length + random.Next(-5000, 5000), 1, 400_000);
                    device.SetLength(length);
                    Array.Resize(ref model, length);
                    break;
                case 20:
                    device.Dispose();       // drops what isn't committed
                    model = committed.ToArray();
                    Assert.True(home.Bytes.SequenceEqual(model), $"seed {seed}, step {step}: the home after closing");
                    Assert.Null(store.Open(write: false));
                    device = TransactionDevice.Open(home, store, options);
                    break;
                default:
                    device.Read(offset, data);
                    Assert.True(data.AsSpan().SequenceEqual(model.AsSpan(offset, count)), $"seed {seed}, step {step}");
                    break;
            }
            Assert.Equal(model.Length, device.Length);
        }
        var all = new byte[model.Length];
        device.Read(0, all);
        Assert.Equal(model, all);
        device.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fresh_data_that_is_dropped_gives_its_room_back_to_the_host(bool byDisposing)
    {
        using var folder = new TempFolder();
        var path = folder.File("a.img");
        HostFile.Create(path, 16 << 20).Dispose();
        var kept = Enumerable.Repeat((byte)7, 1 << 20).ToArray();
        using (var home = HostFile.Open(path, FileAccess.ReadWrite))
        {
            var device = TransactionDevice.Open(home, HostJournalStore.Beside(path), new TransactionOptions { FreshLimit = 0 });
            device.WriteFresh(1 << 20, kept);
            device.Write(0, [1]);
            device.Flush();
            device.WriteFresh(4 << 20, kept);
            device.WriteFresh(5_000_001, kept);
            device.Write(9 << 20, [1]);
            if (!byDisposing)
                device.Rollback();
            device.Dispose();
        }
        Assert.Equal([path], Directory.GetFiles(folder.Path));
        using var left = HostFile.Open(path, FileAccess.Read);
        var read = new byte[kept.Length];
        left.Read(1 << 20, read);
        Assert.Equal(kept, read);
        // Of a page that was fresh in part the host keeps the room, as zeros.
        Assert.InRange(left.AllocatedRanges(2 << 20, 14 << 20).Sum(r => r.Length), 0, Journal.PageSize);
        read = new byte[3 << 20];
        left.Read(4 << 20, read);
        Assert.DoesNotContain((byte)7, read);
    }

    [Fact]
    public void Fresh_data_that_is_discarded_before_the_commit_gives_its_room_back_at_once()
    {
        using var folder = new TempFolder();
        var path = folder.File("a.img");
        HostFile.Create(path, 16 << 20).Dispose();
        using var home = HostFile.Open(path, FileAccess.ReadWrite);
        using var device = TransactionDevice.Open(home, HostJournalStore.Beside(path), new TransactionOptions { FreshLimit = 0 });
        var data = Enumerable.Repeat((byte)7, 1 << 20).ToArray();
        device.WriteFresh(4 << 20, data);
        device.Discard(4 << 20, 512 << 10);
        Assert.Empty(home.AllocatedRanges(4 << 20, 512 << 10));
        device.WriteFresh(4 << 20, data.AsSpan(0, 4096));       // taken once more
        device.Write(0, [1]);
        device.Flush();
        var read = new byte[1 << 20];
        device.Read(4 << 20, read);
        Assert.Equal(data[..4096], read[..4096]);
        Assert.Equal(data[(512 << 10)..], read[(512 << 10)..]);
    }

    [Fact]
    public void A_journal_that_may_not_be_made_is_told_as_such()
    {
        // Not even root makes files there.
        var e = Assert.Throws<UnauthorizedAccessException>(() => new HostJournalStore("/sys/a.img").Create());
        Assert.Contains("/sys/a.img.platter-journal", e.Message, StringComparison.Ordinal);
        Assert.Contains("folder has to be writable", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_commit_without_changes_touches_nothing()
    {
        var recording = new RecordingDevice(new ResizableMemoryDevice(100_000));
        var store = new MemoryJournalStore();
        using var device = TransactionDevice.Open(recording, store);
        device.Flush();
        device.Flush();
        Assert.Empty(recording.Operations);
        Assert.Null(store.Open(write: false));
    }

    [Fact]
    public void Nothing_but_fresh_data_reaches_the_image_before_the_commit()
    {
        var recording = new RecordingDevice(new ResizableMemoryDevice(1_000_000));
        using var device = TransactionDevice.Open(recording, new MemoryJournalStore(), new TransactionOptions { FreshLimit = 0 });
        device.Write(0, new byte[100_000]);
        device.WriteZeros(0, 500_000);
        device.Discard(600_000, 100_000);
        Assert.Empty(recording.Operations);
        device.WriteFresh(800_000, new byte[5000]);
        Assert.Equal(RecordedKind.Write, Assert.Single(recording.Operations).Kind);
        device.Flush();
        Assert.Equal(RecordedKind.Flush, recording.Operations[1].Kind);         // fresh data is durable before anything refers to it
        Assert.Equal(RecordedKind.Discard, recording.Operations[^1].Kind);      // what was given up goes last
    }

    [Theory]
    [InlineData(FaultyOperation.Write)]
    [InlineData(FaultyOperation.Flush)]
    public void A_failing_image_never_leaves_half_a_commit(FaultyOperation operation)
    {
        for (var number = 0; number < 6; number++)
        {
            var home = new ResizableMemoryDevice(200_000);
            var faulty = new FaultyDevice(home);
            var store = new MemoryJournalStore();
            var device = TransactionDevice.Open(faulty, store, new TransactionOptions { FreshLimit = 0 });
            device.Write(0, new byte[] { 1 });
            device.Write(100_000, new byte[] { 1 });
            faulty.FailAt(operation, number);
            var failed = false;
            try
            {
                device.WriteFresh(150_000, new byte[5000]);
                device.Flush();
            }
            catch (IOException)
            {
                failed = true;
            }
            faulty.Before = (_, _, _) => { };
            device.Dispose();
            using var again = TransactionDevice.Open(home, store);
            var all = new byte[200_000];
            again.Read(0, all);
            Assert.Equal(all[0], all[100_000]);
            if (!failed)
                Assert.Equal(1, all[0]);
        }
    }

    [Fact]
    public void A_failing_journal_leaves_everything_to_try_again_or_to_drop()
    {
        for (var number = 0; number < 4; number++)
        {
            var home = new ResizableMemoryDevice(200_000);
            var store = new FaultyStore();
            using var device = TransactionDevice.Open(home, store, new TransactionOptions { MemoryLimit = 16 << 10 });
            var data = Enumerable.Repeat((byte)7, 60_000).ToArray();
            device.Write(1000, data);
            store.FailAt = store.Operations + number;
            if (Record.Exception(device.Flush) is IOException)
            {
                Assert.True(home.Bytes.IndexOfAnyExcept((byte)0) < 0);
                var back = new byte[60_000];
                device.Read(1000, back);
                Assert.Equal(data, back);
                store.FailAt = -1;
                device.Flush();
            }
            Assert.True(home.Bytes.Slice(1000, 60_000).SequenceEqual(data));
        }
    }

    [Fact]
    public void A_commit_whose_journal_cannot_be_retired_is_left_to_the_next_one_who_opens_the_image()
    {
        var data = Enumerable.Repeat((byte)7, 60_000).ToArray();
        var needed = 0;
        var counting = new FaultyStore();
        using (var counted = TransactionDevice.Open(new ResizableMemoryDevice(200_000), counting))
        {
            counted.Write(1000, data);
            counted.Flush();
            needed = counting.Operations;
        }
        var home = new ResizableMemoryDevice(200_000);
        var store = new FaultyStore { FailAt = needed - 1 };
        using (var device = TransactionDevice.Open(home, store))
        {
            device.Write(1000, data);
            Assert.Throws<IOException>(device.Flush);
            Assert.Contains("safe in", Assert.Throws<IOException>(device.Flush).Message, StringComparison.Ordinal);
            // Going back is no longer possible, and must not be said to be.
            Assert.Throws<IOException>(device.Rollback);
            Assert.Throws<IOException>(() => device.Write(0, data));
        }
        using var again = TransactionDevice.Open(home, store);
        Assert.Equal(data, ReadAll(again)[1000..61_000]);
    }

    [Fact]
    public void A_commit_that_is_done_does_not_fail_for_what_could_not_be_given_back()
    {
        var medium = new StubbornDevice(new ResizableMemoryDevice(200_000));
        using var device = TransactionDevice.Open(medium, new MemoryJournalStore());
        device.Write(0, new byte[] { 1 });
        device.Discard(100_000, 50_000);
        device.Flush();
        Assert.Equal((1, 0), (medium.Tried, medium.Discarded));
        medium.IsWilling = true;
        device.Flush();
        Assert.Equal((2, 50_000), (medium.Tried, medium.Discarded));
    }

    [Fact]
    public void A_journal_of_another_image_is_refused_and_both_stay_as_they_are()
    {
        using var folder = new TempFolder();
        var path = folder.File("a.img");
        LeaveJournal(path, out var journal);
        var other = new byte[200_000];
        new Random(9).NextBytes(other);
        File.WriteAllBytes(path, other);
        foreach (var access in new[] { ImageAccess.Edit, ImageAccess.Read })
        {
            var e = Assert.Throws<DiskFormatException>(() => ImageFile.Open(path, access));
            Assert.Equal("IMG-0002", e.Code);
            Assert.Contains(path + ".platter-journal", e.Message, StringComparison.Ordinal);
        }
        File.WriteAllBytes(path, new byte[100_000]);
        Assert.Equal("IMG-0002", Assert.Throws<DiskFormatException>(() => ImageFile.Open(path, ImageAccess.Edit)).Code);
        Assert.Equal(journal, File.ReadAllBytes(path + ".platter-journal"));
    }

    [Fact]
    public void An_image_moved_together_with_its_journal_is_recovered()
    {
        using var folder = new TempFolder();
        LeaveJournal(folder.File("a.img"), out _);
        File.Copy(folder.File("a.img"), folder.File("b.img"));
        File.Copy(folder.File("a.img.platter-journal"), folder.File("b.img.platter-journal"));
        using (var image = ImageFile.Open(folder.File("b.img"), ImageAccess.Edit))
            Assert.Equal(LeftBehind(), ReadAll(image.Device));
        Assert.False(File.Exists(folder.File("b.img.platter-journal")));
        Assert.Equal(LeftBehind(), File.ReadAllBytes(folder.File("b.img")));
    }

    [Fact]
    public void Reading_shows_the_recovered_state_and_writes_nothing()
    {
        using var folder = new TempFolder();
        var path = folder.File("a.img");
        LeaveJournal(path, out var journal);
        var before = File.ReadAllBytes(path);
        using (var image = ImageFile.Open(path, ImageAccess.Read))
        {
            Assert.Equal(LeftBehind(), ReadAll(image.Device));
            Assert.False(image.Device.CanWrite);
            Assert.Throws<UnauthorizedAccessException>(() => image.Device.Write(0, [1]));
        }
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal(journal, File.ReadAllBytes(path + ".platter-journal"));
    }

    [Fact]
    public void The_journal_is_found_through_a_symbolic_link()
    {
        using var folder = new TempFolder();
        LeaveJournal(folder.File("a.img"), out _);
        File.CreateSymbolicLink(folder.File("link.img"), folder.File("a.img"));
        using var image = ImageFile.Open(folder.File("link.img"), ImageAccess.Read);
        Assert.Equal(LeftBehind(), ReadAll(image.Device));
    }

    [Fact]
    public void A_damaged_journal_is_an_incomplete_one_wherever_the_damage_is()
    {
        using var folder = new TempFolder();
        LeaveJournal(folder.File("a.img"), out var journal);
        var home = File.ReadAllBytes(folder.File("a.img"));
        var random = new Random(3);
        for (var i = 0; i < 600; i++)
        {
            var bytes = journal.ToArray();
            var at = i < 120 ? 4096 + i : random.Next(4096, bytes.Length);
            bytes[at] ^= (byte)(1 << random.Next(8));
            if (i % 50 == 49)
                bytes = bytes[..random.Next(bytes.Length)];
            var store = new FixedStore(bytes);
            using var image = new ResizableMemoryDevice(home.ToArray());
            JournalRecovery.Recover(image, store);
            // Bytes behind the commit record and behind a page's last index entry are padding: then it is complete all the same.
            Assert.True(image.Bytes.SequenceEqual(home) || image.Bytes.SequenceEqual(LeftBehind()), $"byte {at}");
            Assert.True(store.IsRemoved);
        }
    }

    [Fact]
    public void A_journal_of_a_later_version_is_named()
    {
        using var folder = new TempFolder();
        LeaveJournal(folder.File("a.img"), out var journal);
        ref var commit = ref Platter.Primitives.OnDisk.Edit<JournalCommit>(journal, 4096);
        commit.Version = 2;
        commit.Checksum = 0;
        commit.Checksum = Journal.RecordChecksum(commit.Salt, Platter.Primitives.OnDisk.Bytes(ref commit));
        File.WriteAllBytes(folder.File("a.img.platter-journal"), journal);
        var e = Assert.Throws<UnsupportedFeatureException>(() => ImageFile.Open(folder.File("a.img"), ImageAccess.Edit));
        Assert.Contains("version 2", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Layouts_of_the_journal_are_as_documented()
    {
        Assert.Equal(40, System.Runtime.CompilerServices.Unsafe.SizeOf<JournalIntent>());
        Assert.Equal(88, System.Runtime.CompilerServices.Unsafe.SizeOf<JournalCommit>());
        Assert.Equal(16, System.Runtime.CompilerServices.Unsafe.SizeOf<PageEntry>());
        Assert.Equal(16, System.Runtime.CompilerServices.Unsafe.SizeOf<ZeroEntry>());
        Assert.Equal(40, System.Runtime.CompilerServices.Unsafe.SizeOf<PageSample>());
    }

    // An image whose commit is complete in the journal, and half-way home.
    private static void LeaveJournal(string path, out byte[] journal)
    {
        using (var file = HostFile.Create(path, 200_000))
        {
            var faulty = new FaultyDevice(file);
            var device = TransactionDevice.Open(faulty, new HostJournalStore(path));
            device.Write(5000, Enumerable.Repeat((byte)0xAB, 3000).ToArray());
            device.Write(150_000, Enumerable.Repeat((byte)0xCD, 3000).ToArray());
            faulty.FailAt(FaultyOperation.Write, 1, andAllFollowing: true);
            Assert.Throws<IOException>(device.Flush);
            Assert.Contains("safe in", Assert.Throws<IOException>(device.Flush).Message, StringComparison.Ordinal);
            device.Dispose();
        }
        journal = File.ReadAllBytes(path + ".platter-journal");
    }

    private static byte[] LeftBehind()
    {
        var all = new byte[200_000];
        all.AsSpan(5000, 3000).Fill(0xAB);
        all.AsSpan(150_000, 3000).Fill(0xCD);
        return all;
    }

    private static byte[] ReadAll(BlockDevice device)
    {
        var all = new byte[device.Length];
        device.Read(0, all);
        return all;
    }

    private sealed class StubbornDevice(BlockDevice inner) : ForwardingDevice(inner)
    {
        public bool IsWilling { get; set; }
        public int Tried { get; private set; }
        public long Discarded { get; private set; }

        protected override void DiscardCore(long offset, long length)
        {
            Tried++;
            if (!IsWilling)
                throw new IOException("the medium gives nothing back");
            Discarded += length;
        }
    }

    private sealed class FixedStore(byte[] journal) : JournalStore
    {
        public bool IsRemoved { get; private set; }
        public override string Name => "fixed";
        public override ResizableDevice Open(bool write) => new ResizableMemoryDevice(journal);
        public override ResizableDevice Create() => throw new InvalidOperationException();
        public override void Remove() => IsRemoved = true;
        public override void MakeNameDurable() { }
    }

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "The journal stands for a file and outlives its users.")]
    private sealed class FaultyStore : JournalStore
    {
        private ResizableMemoryDevice? _journal;

        public int Operations { get; private set; }
        public int FailAt { get; set; } = -1;
        public override string Name => "faulty";

        public override ResizableDevice? Open(bool write) => _journal;

        public override ResizableDevice Create()
        {
            _journal = new ResizableMemoryDevice(0);
            return new FaultyDevice(_journal)
            {
                Before = (what, _, _) =>
                {
                    if (what != FaultyOperation.Read && Operations++ == FailAt)
                        throw new IOException("the journal's medium failed", 28);
                },
            };
        }

        public override void Remove() => _journal = null;

        public override void MakeNameDurable()
        {
            if (Operations++ == FailAt)
                throw new IOException("the folder's medium failed", 5);
        }
    }
}
