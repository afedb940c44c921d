namespace Platter.Blocks;

/// <summary>What is done with a journal that is found beside an image.</summary>
public static class JournalRecovery
{
    /// <summary>Brings an image into the state of its last commit: a complete journal is replayed, an incomplete one discarded.</summary>
    /// <returns>Whether a journal was there.</returns>
    /// <exception cref="DiskFormatException">The journal is that of another image (<c>IMG-0002</c>).</exception>
    /// <exception cref="UnsupportedFeatureException">A later version of Platter wrote it.</exception>
    public static bool Recover(BlockDevice image, JournalStore store)
    {
        using (var journal = store.Open(write: true))
        {
            if (journal is null)
                return false;
            var found = JournalReader.Read(store.Name, journal);
            found.CheckBelongsTo(image);
            if (found.IsComplete)
            {
                found.Replay(image);
            }
            else if (found.LengthBefore >= 0 && image.Length > found.LengthBefore)
            {
                ((ResizableDevice)image).SetLength(found.LengthBefore);
                image.Flush();
            }
        }
        store.Remove();
        return true;
    }

    /// <summary>Shows an image in the state of its last commit without writing anything.</summary>
    /// <returns><paramref name="image"/> itself when nothing is to be recovered, else a device that owns it when <paramref name="ownsImage"/> says so.</returns>
    /// <inheritdoc cref="Recover" path="/exception"/>
    public static BlockDevice View(BlockDevice image, JournalStore store, bool ownsImage = false)
    {
        var journal = store.Open(write: false);
        if (journal is null)
            return image;
        try
        {
            var found = JournalReader.Read(store.Name, journal);
            found.CheckBelongsTo(image);
            if (found.IsComplete)
                return new RecoveredDevice(image, journal, found.Overlay(), found.LengthAfter, ownsImage);
            journal.Dispose();
            return found.LengthBefore >= 0 && image.Length > found.LengthBefore
                ? new WindowDevice(image, 0, found.LengthBefore, ownsImage)
                : image;
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    private sealed class RecoveredDevice(BlockDevice image, BlockDevice journal, PageOverlay pages, long length, bool ownsImage) : BlockDevice
    {
        public override long Length => length;
        public override int SectorSize => image.SectorSize;
        public override bool CanWrite => false;

        public override void Flush()
        {
            // Nothing is ever written here.
        }

        public override IEnumerable<ByteRange> AllocatedRanges(long offset, long count)
        {
            CheckRange(offset, count);
            return pages.AllocatedRanges(image, offset, count);
        }

        protected override void ReadCore(long offset, Span<byte> buffer) => pages.Read(image, offset, buffer);

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data) => throw new UnauthorizedAccessException("the image is open for reading only");

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                journal.Dispose();
                if (ownsImage)
                    image.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
